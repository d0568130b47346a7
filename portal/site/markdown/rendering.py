"""Render untrusted Markdown to safe HTML whose headings stand below the page's own."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, unquote, urlsplit

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from portal.delivery.pictures import picture_type
from portal.parsing.cards import text_below
from portal.site.markdown.extras import HEADING_PREFIX, extend, lead_to_headings, name_headings
from portal.site.markdown.raw_html import RawHtml

LOWEST_HEADING = 6
HEADINGS = ("h2", "h3", "h4", "h5", "h6")
TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "dl", "dt", "em"),
    *HEADINGS,
    *("hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s"),
    *("samp", "small", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"),
    *("thead", "tr", "ul", "var", "img"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
}
IMAGE = re.compile(r"<img[^>]*>")  # as the sanitiser writes it: “>” in an attribute is escaped
ALT = re.compile(r' alt="([^"]+)"')
SIZE = re.compile(r"[0-9]{1,4}%?")
FOCUSABLE = {"class": "cmd", "tabindex": "0"}
SCROLLS = '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>'


@dataclass(frozen=True)
class CardBase:
    """The base of a card's relative addresses: the files beside it, at its revision.

    ``pictures`` is empty for a reader who may not have the files: pictures become their words.
    """

    files: str
    pictures: str = ""


_parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _demote(tokens: list[Token]) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(LOWEST_HEADING, int(token.tag[1]) + 1)}"


def _reduce_html(tokens: list[Token]) -> None:
    reducer = RawHtml(TAGS, ATTRIBUTES)
    for token in tokens:
        if token.type == "html_block":
            token.content = reducer.reduce(token.content) + reducer.close_emphasis()
        for child in token.children or ():
            if child.type == "html_inline":
                child.content = reducer.reduce(child.content)
        if token.children and (closed := reducer.close_emphasis()):
            token.children.append(Token("html_inline", "", 0, content=closed))


def render_markdown(text: str, base: CardBase | None = None) -> SafeString:
    """Render a card. Without a base its relative addresses lead nowhere and it has no pictures."""
    tokens = _parser.parse(text_below(text))
    _demote(tokens)
    _reduce_html(tokens)
    lead_to_headings(tokens)
    name_headings(tokens)
    extend(tokens)
    raw = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        raw,
        tags=TAGS,
        attributes=ATTRIBUTES | {tag: {"id"} for tag in HEADINGS},
        attribute_filter=partial(_attribute, base),
        url_schemes={"http", "https", "mailto"},
        url_relative=partial(_beside, base) if base else "deny",
        link_rel="nofollow noopener noreferrer",
        set_tag_attribute_values={"pre": FOCUSABLE, "img": {"loading": "lazy"}},
        strip_comments=True,
    )
    clean = IMAGE.sub(_in_words, clean)
    clean = clean.replace("<table>", SCROLLS).replace("</table>", "</table></div>")
    return mark_safe(clean)  # noqa: S308 (sanitised above)


def _attribute(base: CardBase | None, tag: str, name: str, value: str) -> str | None:
    """Let pictures of the repo itself pass, by an address that sends nothing but pictures."""
    if name == "id":  # those of our own making: raw HTML has lost its own by now
        return value if value.startswith(HEADING_PREFIX) else None
    if tag != "img":
        return value
    if name in ("width", "height"):
        return value if SIZE.fullmatch(value) else None
    if name != "src":
        return value
    path = _path(value)
    shown = base and base.pictures and path and picture_type(path)
    return f"{base.pictures}{quote(path)}" if base and shown else None


def _beside(base: CardBase, address: str) -> str:
    """Lead a relative address to the file that it names; what is no file's is left as it is."""
    if address.startswith(("#", "/")):
        return address
    path = _path(address)
    return f"{base.files}{quote(path)}" if path else ""


def _path(address: str) -> str:
    """Read a relative address as a path in the repo; empty where it leads out of that."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    path = posixpath.normpath(unquote(parts.path)) if parts.path else ""
    outside = path.startswith(("/", "..")) or "\\" in path or "\0" in path or path == "."
    return "" if parts.scheme or parts.netloc or outside else path


def _in_words(image: re.Match[str]) -> str:
    """Keep the words of a picture that isn't shown."""
    if ' src="' in image[0]:
        return image[0]
    words = ALT.search(image[0])
    return f"<em>[Picture: {words[1]}]</em>" if words else ""
