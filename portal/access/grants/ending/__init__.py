"""Ends of grants, by the holder or by the lab, and of the tokens that rest on them."""
