"""Checks of grants and memberships that the screening lists have a hit on."""
