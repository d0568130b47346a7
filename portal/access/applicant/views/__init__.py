"""The pages on which an applicant asks for access."""
