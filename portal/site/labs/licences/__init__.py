"""Licences of a lab: the list, and the editor of a version."""
