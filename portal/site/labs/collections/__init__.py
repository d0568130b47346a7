"""The pages of a lab’s collections."""
