"""Signed manifests of revisions, and the key that signs them."""
