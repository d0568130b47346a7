"""One stylesheet for every page, put together from the files that people edit."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from portal.surfaces.assets.addresses import content_of, version_of
from portal.surfaces.assets.serving import KEPT

STYLESHEET = "styles.css"  # known without the URLconf: an error’s page has it too
PARTS = tuple(  # the first sets the order of all layers
    f"weightgate/{part}.css"
    for part in (
        "tokens",
        "base",
        "layout",
        "components-controls",
        "components-facts",
        "components-pages",
        "print",
    )
)


def stylesheet_address() -> str:
    """Return the address of the stylesheet as it is now."""
    return f"/{STYLESHEET}?v={version_of(PARTS)}"


def stylesheet(request: HttpRequest) -> HttpResponse:
    """Answer with the stylesheet. Browsers keep it, since its address changes with it."""
    return HttpResponse(content_of(PARTS), content_type="text/css; charset=utf-8", headers=KEPT)
