"""Signing up and signing in, by allauth held to the portal's rules."""
