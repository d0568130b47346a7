"""An applicant's own pages of their requests."""
