"""The WSGI application: pages and the Hub's protocol in production."""

import os
from collections.abc import Callable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()


def serving() -> Callable[..., Any]:
    """Return the application for a server's process, which the metrics then have."""
    from portal.observability.sharing import start_sharing  # needs the settings

    start_sharing("pages")
    return application
