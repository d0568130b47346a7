"""Draw a certificate as PDF. The same document always gives the same bytes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pylopdf_fonts_ko
import pylopdf_fonts_zh_cn
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from portal.access.certificates.document import Document, Fact

BODY_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
OTHER_FONTS = {"han": pylopdf_fonts_zh_cn.sans_path(), "hangul": pylopdf_fonts_ko.sans_path()}
MARGIN_MM = 20
LABEL_MM = 42
INK, QUIET = (20, 24, 31), (96, 104, 117)


class _Pages(FPDF):
    """A4 pages with a footer that tells one certificate's pages from another's."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("body", size=7)
        self.set_text_color(*QUIET)
        self.cell(0, 4, f"{self._foot} · page {self.page_no()} of {{nb}}", align="C")


def draw(document: Document) -> bytes:
    pages = _Pages(f"{document.issuer} · {document.title}")
    # The date of the signature, not today's: the same certificate is the same bytes at any time.
    pages.set_creation_date(document.made_at)
    pages.set_title(document.title)
    pages.set_author(document.issuer)
    pages.set_producer(document.issuer)
    pages.set_subject(str(document.record["signed_by"]))
    pages.set_lang("en")
    _set_fonts(pages, _everything(document))
    pages.add_page()
    _write(pages, document.issuer, size=9, color=QUIET)
    _write(pages, document.title, size=19, after=5)
    for fact in document.facts:
        _write_fact(pages, fact)
    if document.ticked:
        _write(pages, "Confirmed singly", size=12, before=4, after=1)
    for sentence in document.ticked:
        _write(pages, f"✓  {sentence}", size=9.5)
    _write(pages, document.verify, size=8, color=QUIET, before=5)
    pages.add_page()
    _write(pages, document.text_title, size=13, after=3)
    _write(pages, document.text.replace("\r\n", "\n"), size=9)
    _attach(pages, document)
    return bytes(pages.output())


def _everything(document: Document) -> str:
    facts = "".join(fact.label + fact.value for fact in document.facts)
    return "".join([document.title, document.issuer, facts, *document.ticked, document.text])


@cache
def _covered(font: Path) -> frozenset[int]:
    with TTFont(font, lazy=True) as face:
        return frozenset(face.getBestCmap())


def _set_fonts(pages: FPDF, text: str) -> None:
    """Embed the body's font, and of the large fonts only those with a glyph that it lacks."""
    pages.add_font("body", fname=BODY_FONT)
    missing = {ord(letter) for letter in text} - _covered(BODY_FONT)
    needed = [name for name, font in OTHER_FONTS.items() if missing & _covered(font)]
    for name in needed:
        pages.add_font(name, fname=OTHER_FONTS[name])
    pages.set_fallback_fonts(needed)


def _write(
    pages: FPDF,
    text: str,
    *,
    size: float,
    color: tuple[int, int, int] = INK,
    before: float = 0,
    after: float = 0,
) -> None:
    pages.ln(before)
    pages.set_font("body", size=size)
    pages.set_text_color(*color)
    pages.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pages.ln(after)


def _write_fact(pages: FPDF, fact: Fact) -> None:
    pages.set_font("body", size=9.5)
    pages.set_text_color(*QUIET)
    pages.cell(LABEL_MM, 5, fact.label)
    pages.set_text_color(*INK)
    pages.set_font("body", size=8.7 if fact.code else 9.5)  # 64 digits then fill a line
    wrap = WrapMode.CHAR if fact.code else WrapMode.WORD
    pages.multi_cell(
        0, 5, fact.value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=wrap
    )
    pages.ln(1)


def _attach(pages: FPDF, document: Document) -> None:
    """Attach the exact text, so that its SHA-256 can be checked, and the record for machines."""
    record = json.dumps(document.record, ensure_ascii=False, indent=2, sort_keys=True)
    for name, content in (("LICENSE", document.text), ("signature.json", f"{record}\n")):
        pages.embed_file(
            basename=name,
            bytes=content.encode(),
            creation_date=document.made_at,
            modification_date=document.made_at,
        )
