"""Reduce HTML within Markdown, before it is sanitised, to what costs no more than its length.

A browser's way of mending HTML multiplies it: each unclosed ``<b id=…>`` is opened anew in every
paragraph that follows, so that 200 kB would become gigabytes. Only tags that a card may use come
through, with the attributes that it may use, few within each other, and emphasis always closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

PIECE = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)>|<")
ATTRIBUTE = re.compile(
    r"""(?<![a-z-])([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=`]+))""", re.IGNORECASE
)
EMPTY = {"br", "hr", "img"}
EMPHASIS = {"a", "b", "code", "em", "i", "s", "small", "strong"}
"""A parser of HTML opens these anew in each block until they are closed."""
ENDED_BY_ITS_LIKE = {"p", "li", "dt", "dd", "tr", "td", "th"}
UNSHOWN = {"script", "style"}
MOST_EMPHASIS = 4
MOST_OPEN = 60
LONGEST_TAG = 4000


@dataclass
class RawHtml:
    """A reducer of the HTML of one text, piece by piece, which knows the open tags."""

    tags: Set[str]
    attributes: Mapping[str, Set[str]]
    open_tags: list[str] = field(default_factory=list)
    emphasis: list[str] = field(default_factory=list)

    def reduce(self, html: str) -> str:
        """Keep the tags that may stay, and escape what begins like one and isn't."""
        parts: list[str] = []
        at, unshown = 0, ""
        html = without_comments(html)
        for piece in PIECE.finditer(html):
            name = (piece[2] or "").lower()
            if not unshown:
                parts += [html[at : piece.start()], self._tag(piece, name) if name else "&lt;"]
            unshown = _unshown(unshown, piece[1], name)
            at = piece.end()
        return "".join(parts) + ("" if unshown else html[at:])

    def close_emphasis(self) -> str:
        """Close what a block left open, so that the next one doesn't begin with it."""
        closed = "".join(f"</{name}>" for name in reversed(self.emphasis))
        self.emphasis.clear()
        return closed

    def _tag(self, piece: re.Match[str], name: str) -> str:
        if name not in self.tags:
            return ""
        if name in EMPTY:
            return "" if piece[1] else self._opened(name, piece[3])
        open_now, most = self.open_tags, MOST_OPEN
        if name in EMPHASIS:
            open_now, most = self.emphasis, MOST_EMPHASIS
        if piece[1]:
            return _closed(name, open_now)
        if name in ENDED_BY_ITS_LIKE and open_now[-1:] == [name]:
            open_now.pop()
        if len(open_now) >= most:
            return ""
        open_now.append(name)
        return self._opened(name, piece[3])

    def _opened(self, name: str, rest: str) -> str:
        attributes = ""
        for attribute in ATTRIBUTE.finditer(rest[:LONGEST_TAG]):
            if attribute[1].lower() in self.attributes.get(name, frozenset()):
                value = (attribute[2] or attribute[3] or attribute[4] or "").replace('"', "&quot;")
                attributes += f' {attribute[1].lower()}="{value}"'
        return f"<{name}{attributes}>"


def without_comments(html: str) -> str:
    """Cut comments out; one that never ends goes to the end."""
    first, *rest = html.split("<!--")
    return first + "".join(comment.partition("-->")[2] for comment in rest)


def _unshown(unshown: str, closing: str, name: str) -> str:
    """Name the element whose content is not shown, if one is open after this tag."""
    if unshown:
        return "" if closing and name == unshown else unshown
    return name if name in UNSHOWN and not closing else ""


def _closed(name: str, open_now: list[str]) -> str:
    """Close a tag that is open, and whatever was opened within it."""
    if name not in open_now:
        return ""
    inner = []
    while (last := open_now.pop()) != name:
        inner.append(last)
    return "".join(f"</{tag}>" for tag in [*inner, name])
