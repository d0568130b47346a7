"""Labs in the API: their people, roles and invitations, and who operates the site."""
