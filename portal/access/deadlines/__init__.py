"""Deadlines: the timers of each state, and queries for the rows whose time has come."""
