"""ASGI: everything in the demo; /v1, the token streams and uploads in production."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_asgi_application()

from portal.hub.streaming import StreamedUploads  # noqa: E402, needs Django set up

application = StreamedUploads(django_application)  # type: ignore[arg-type]
