"""Name the request in the engine's log, since one thread works on many at once.

The id is in the message too, for ranks that write plain lines.
"""


def naming(request_id: str) -> dict[str, str]:
    """Make the ``extra`` of a line about one request, for a program that formats the log."""
    return {"engine_request_id": request_id}
