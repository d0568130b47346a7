"""What all operations of the API share."""
