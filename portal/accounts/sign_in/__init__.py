"""Signing up and signing in, by allauth with the portal's rules."""
