"""The lists that submissions are screened against."""
