"""Licence texts: who may publish them, and what is checked before they are published."""
