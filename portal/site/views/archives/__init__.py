"""Pages that send archives: evidence, exports, and all data about a person."""
