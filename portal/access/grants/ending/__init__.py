"""Ends of grants: closed by the holder, revoked by the lab, with the tokens that rest on them."""
