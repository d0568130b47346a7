"""Screening of people against the sanctions lists that operators keep."""
