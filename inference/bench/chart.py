"""Draw a bar chart as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABELS, BAR, GAP, HEADING = 760, 190, 18, 6, 30
OURS_COLOUR, THEIRS_COLOUR, TEXT_COLOUR = "#1d6b5f", "#9aa5ab", "#263238"


@dataclass(frozen=True)
class ChartBar:
    """One bar of a chart: this engine's or another's."""

    label: str
    value: float
    is_ours: bool


def bar_chart(title: str, groups: Sequence[tuple[str, Sequence[ChartBar]]]) -> str:
    """Draw groups of bars below one another, each group to its own scale."""
    parts, y = [], HEADING
    parts.append(_text(10, 20, title, bold=True))
    for heading, bars in groups:
        parts.append(_text(10, y + 18, heading))
        y += HEADING
        most = max((bar.value for bar in bars), default=1.0)
        for bar in bars:
            parts += _bar(bar, y, most)
            y += BAR + GAP
        y += GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}" role="img" font-family="sans-serif" font-size="13">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _bar(bar: ChartBar, y: int, most: float) -> list[str]:
    length = max((WIDTH - LABELS - 80) * bar.value / most, 1)
    colour = OURS_COLOUR if bar.is_ours else THEIRS_COLOUR
    return [
        _text(10, y + 14, bar.label, bold=bar.is_ours),
        f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>',
        _text(LABELS + length + 6, y + 14, f"{bar.value:,.0f}"),
    ]


def _text(x: float, y: float, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{TEXT_COLOUR}"{weight}>{escape(text)}</text>'
