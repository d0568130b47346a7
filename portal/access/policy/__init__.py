"""Permissions: who may do what (``policy.may``), why not, and in which words they are refused."""
