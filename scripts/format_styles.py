"""Format the portal's style sheets, or with ``--check`` list those that aren't formatted."""

from __future__ import annotations

import sys
from pathlib import Path

import cssbeautifier

STYLES = Path(__file__).parent.parent / "portal" / "site" / "static" / "weightgate"


def formatted(css: str) -> str:
    options = cssbeautifier.default_options()
    options.indent_size = 2
    options.end_with_newline = True
    options.newline_between_rules = False
    options.space_around_combinator = True
    return cssbeautifier.beautify(css, options)


def main(*, check: bool) -> int:
    sheets = {path: path.read_text() for path in sorted(STYLES.glob("*.css"))}
    unformatted = [path for path, css in sheets.items() if formatted(css) != css]
    for path in unformatted:
        if check:
            print(f"Would reformat {path}")
        else:
            path.write_text(formatted(sheets[path]))
    return 1 if check and unformatted else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
