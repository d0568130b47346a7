"""What was fetched: counted, limited, and rolled up."""
