"""Tests of the command `weightgate`."""
