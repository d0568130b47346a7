"""Who may do what, and the words for those who may not."""
