"""Tools of a chat: what a request offers, and the calls that a model writes."""
