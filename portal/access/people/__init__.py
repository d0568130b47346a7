"""People of a lab: their roles, invitations to them, and guests of one request."""
