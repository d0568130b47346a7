"""A request from its draft to its submission, answers and appeal."""
