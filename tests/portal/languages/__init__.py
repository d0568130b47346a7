"""The languages of pages, letters and licences."""
