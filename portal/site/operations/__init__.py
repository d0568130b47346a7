"""What those who run the portal measure and forget."""
