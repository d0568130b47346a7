"""The engine beside transformers, ctranslate2 and vLLM; writes docs/speed.md and its chart.

    make bench
    scripts/bench_engine.py --rounds 5 --agreement var/training/final

The peers' environments are made in .venv-peers at first, which takes gigabytes and minutes. What
each argument does: python -m inference bench --help.
"""

from __future__ import annotations

import subprocess
import sys

from throwaway import ROOT


def main() -> int:
    command = [sys.executable, "-m", "inference", "bench", "--out", "docs", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
