"""Add to CommonMark what cards use: task lists, footnotes, bare addresses, links to headings.

One pass over the parsed tokens, linear in the text; what comes out is sanitised with the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from markdown_it.token import Token

BOX = re.compile(r"\[([ xX])\][ \t]")
FOOTNOTE = re.compile(r"\[\^([\w-]{1,40})\](:[ \t]?)?")
ADDRESS = re.compile(r"https?://[^\s<>\"'`]{1,2000}")
TRAILING = ".,;:!?)]*_"
"""These end a sentence and are no part of an address before them."""
LONGEST_NAME = 80  # of a heading, in addresses
HEADING_PREFIX = "card-"  # a card's headings can't take the names that the page itself has
NO_LETTERS = re.compile(r"[^\w\- ]")
SPECIAL = re.compile(f"{FOOTNOTE.pattern}|{ADDRESS.pattern}")


def extend(tokens: list[Token]) -> None:
    """Change the tokens of a whole text in place."""
    for index, token in enumerate(tokens):
        if token.type != "inline" or not token.children:
            continue
        if index >= 2 and tokens[index - 2].type == "list_item_open":
            _tick(token.children[0])
        token.children = list(_extended(token.children))


def name_headings(tokens: list[Token]) -> None:
    """Give each heading a name in addresses, as the Hub does, and make it a link to itself."""
    names: Counter[str] = Counter()
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or not inline.children:
            continue
        slug = slug_of("".join(child.content for child in inline.children))
        names[slug] += 1
        name = f"{HEADING_PREFIX}{slug}{'' if names[slug] == 1 else f'-{names[slug] - 1}'}"
        opening.attrSet("id", name)
        if not any(child.type in ("link_open", "html_inline") for child in inline.children):
            start = Token("link_open", "a", 1, attrs={"href": f"#{name}"})
            inline.children = [start, *inline.children, Token("link_close", "a", -1)]


def slug_of(heading: str) -> str:
    """Return a heading’s name in addresses: small letters, and hyphens for spaces."""
    return NO_LETTERS.sub("", heading.strip().casefold()).replace(" ", "-")[:LONGEST_NAME]


def lead_to_headings(tokens: list[Token]) -> None:
    """Let links within the card lead to its headings by the names that these have here."""
    for token in tokens:
        for child in token.children or ():
            address = str(child.attrGet("href") or "")
            if child.type == "link_open" and address.startswith("#"):
                child.attrSet("href", f"#{HEADING_PREFIX}{address[1:].casefold()}")


def _tick(first: Token) -> None:
    """Show a box in the place of ``[ ]`` or ``[x]`` at the start of a list's item."""
    if box := BOX.match(first.content) if first.type == "text" else None:
        first.content = f"{'☐' if box[1] == ' ' else '☑'} {first.content[box.end() :]}"


def _extended(children: list[Token]) -> Iterator[Token]:
    depth = 0
    for token in children:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and not depth:
            yield from _split(token.content)
        else:
            yield token


def _split(text: str) -> Iterator[Token]:
    """Split a text at its footnotes and addresses."""
    reached = 0
    for special in SPECIAL.finditer(text):
        yield _text(text[reached : special.start()])
        reached = special.end()
        if special[1]:
            yield from _wrapped("sup", {}, special[1])
            yield _text(" " if special[2] else "")
        else:
            address = special[0].rstrip(TRAILING)
            reached -= len(special[0]) - len(address)
            yield from _wrapped("a", {"href": address}, address)
    yield _text(text[reached:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _wrapped(tag: str, attributes: dict[str, str | int | float], content: str) -> Iterator[Token]:
    yield Token(f"{tag}_open", tag, 1, attrs=attributes)
    yield _text(content)
    yield Token(f"{tag}_close", tag, -1)
