"""Settings of a lab: its people, models, licences and collections."""
