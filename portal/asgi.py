"""The ASGI application: everything in the demo; /v1, streams and uploads in production."""

import gc
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)

from django.urls import resolve  # noqa: E402, needs Django set up

from portal.hub.uploads.streaming import StreamedUploads  # noqa: E402, the same
from portal.jobs.streaming.handler import Handler  # noqa: E402, the same
from portal.observability.request_ids import BoundRequests  # noqa: E402, the same
from portal.observability.sharing import start_sharing  # noqa: E402, the same

django_application = Handler()
SWITCH_SECONDS = 0.0005


def _keep_the_loop_prompt() -> None:
    """Shorten what the event loop waits for while other threads of the process compute.

    The loop gives the interpreter's lock up with each send, and has it back after the switch
    interval: by default 5 ms, which is a quarter of a second for 50 readers. And a full garbage
    collection holds the lock while it walks every object, for half a second with the portal loaded;
    what is loaded by now stays for good, so it is left out of that.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    resolve("/")  # the views and what they import, before the first request
    gc.collect()
    gc.freeze()


_keep_the_loop_prompt()
application = BoundRequests(StreamedUploads(django_application))  # type: ignore[arg-type]


def serving() -> BoundRequests:
    """Return the application for a server's process, which the metrics then have."""
    start_sharing("streams")
    return application
