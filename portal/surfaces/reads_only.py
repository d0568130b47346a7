"""Answer other methods than GET and HEAD at pages that are only read.

The widest addresses, ``/<namespace>`` and what is below it, match whatever a program mistypes. With
Django's check of forms a POST there was refused for want of a form's token, which says nothing of
what is wrong: nothing is there. There is nothing to protect either, since nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

PageView = TypeVar("PageView", bound=Callable[..., HttpResponse])
READS = ("GET", "HEAD")


def reads_only(view: PageView) -> PageView:
    """Have a view answer 405 to whoever writes to its page, and 404 where there is no page.

    The view is asked in either case, and raises NotFound where its address leads nowhere.
    """

    @wraps(view)
    def answer_reads(request: HttpRequest, *args: Any, **names: Any) -> HttpResponse:
        response = view(request, *args, **names)
        return response if request.method in READS else HttpResponseNotAllowed(READS)

    return cast(PageView, csrf_exempt(answer_reads))
