"""Pages that stream archives: evidence, exports, and all that is held of a person."""
