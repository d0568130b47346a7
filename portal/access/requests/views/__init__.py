"""What pages of requests and grants share."""
