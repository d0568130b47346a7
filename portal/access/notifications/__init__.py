"""The choice of what somebody is written about by the gates that they work."""
