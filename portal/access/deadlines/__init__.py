"""When something must have happened, and the rows whose time has come."""
