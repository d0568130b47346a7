"""The rate limit of the API, counted where all processes see it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

if TYPE_CHECKING:  # DRF's views read this class while they are imported
    from rest_framework.views import APIView

log = logging.getLogger(__name__)


class WriteThrottle(UserRateThrottle):
    """A limit on how often one person may write; reading is unlimited.

    The counts may be lost. While nothing can count them, nobody is kept from working.
    """

    scope = "write"

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return True
        try:
            return bool(super().allow_request(request, view))
        except (RedisError, OSError):
            log.warning("The rate limit %s can’t be counted", self.scope)
            return True
