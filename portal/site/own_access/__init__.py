"""A person’s own account: where they stand at every gate, and what they downloaded."""
