"""Errors that stop a start, worded for the person at the terminal."""

from __future__ import annotations


class EmbeddedError(Exception):
    """An error that is shown without a traceback; the command ends with status 1."""


class StopRequested(Exception):
    """An exception for the signal that asked the supervisor to stop."""


class AlreadyRunning(EmbeddedError):
    """An error for a folder whose lock another supervisor holds."""


class PartFailed(EmbeddedError):
    """An error for a part or task that did not start; its message has the end of the log."""
