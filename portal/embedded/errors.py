"""What stops a start, worded for the person at the terminal."""

from __future__ import annotations


class EmbeddedError(Exception):
    """Shown without a traceback; the command ends with status 1."""


class Stopped(Exception):
    """A signal asked the supervisor to stop."""


class AlreadyRunning(EmbeddedError):
    """Another supervisor holds the lock on the same folder."""


class PartFailed(EmbeddedError):
    """A part or a task did not start; the message holds the end of its log."""
