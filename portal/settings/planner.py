"""The prices that the planner compares with."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.parsing.price_list import read_price_list

_OWN_LIST = env.text("WEIGHTGATE_PLANNER_PRICES")
try:
    PLANNER_PRICES = read_price_list(
        Path(_OWN_LIST) if _OWN_LIST else Path(__file__).with_name("prices.toml")
    )
except ValueError as error:
    raise ImproperlyConfigured(f"WEIGHTGATE_PLANNER_PRICES: {error}.") from None
