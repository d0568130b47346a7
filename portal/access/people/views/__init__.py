"""Pages of invitations, and the actions on a case that are about its guests."""
