"""Read the operator's list of prices: TOML, each price with its day and its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import Any

MOST_PRICE = 1_000_000
LONGEST = 300


@dataclass(frozen=True)
class ListPrice:
    """A price of one thing in a currency, as it was on a day, and where that was read."""

    name: str
    price: float
    currency: str
    as_of: date
    source: str


@dataclass(frozen=True)
class PriceList:
    """The prices of an hour of a GPU, and of 1,000 tokens from others' APIs."""

    gpu_hours: tuple[ListPrice, ...] = ()
    thousand_tokens: tuple[ListPrice, ...] = ()

    def of_gpu(self, name: str) -> ListPrice | None:
        """Return the price of an hour of the GPU that the planner calls so."""
        return next((price for price in self.gpu_hours if price.name == name), None)


def read_price_list(path: Path) -> PriceList:
    """Read a list of prices. Raises ValueError that names the entry and what to change."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path} can’t be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    if unknown := sorted(content.keys() - {"gpu_hour", "thousand_tokens"}):
        raise ValueError(f"{path}: {unknown[0]} isn’t known; it may hold gpu_hour, thousand_tokens")
    return PriceList(
        tuple(_prices(path, content, "gpu_hour")),
        tuple(_prices(path, content, "thousand_tokens")),
    )


def _prices(path: Path, content: Mapping[str, Any], table: str) -> list[ListPrice]:
    rows = content.get(table, [])
    if not isinstance(rows, list):
        raise ValueError(f"{path}: write [[{table}]], in two brackets")
    return [_price(f"{path}, {table} {number}", row) for number, row in enumerate(rows, start=1)]


def _price(where: str, row: Mapping[str, Any]) -> ListPrice:
    texts = {}
    for name in ("name", "currency", "source"):
        text = row.get(name)
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            raise ValueError(f"{where}: {name} must be text of 1 to {LONGEST} characters")
        texts[name] = text
    price, as_of = row.get("price"), row.get("as_of")
    if not isinstance(price, int | float) or isinstance(price, bool) or not isfinite(price):
        raise ValueError(f"{where}: price must be a number")
    if not 0 <= price <= MOST_PRICE:
        raise ValueError(f"{where}: price must be from 0 to {MOST_PRICE:,}")
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise ValueError(f"{where}: as_of must be a day without quotes, such as 2026-11-09")
    return ListPrice(price=float(price), as_of=as_of, **texts)
