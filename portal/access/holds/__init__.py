"""Holds, which stop access at once: of a person, an organization, or a revision's bytes."""
