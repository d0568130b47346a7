"""Streams of tokens: the event log of a job, and how it is followed."""
