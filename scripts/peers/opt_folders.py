"""Folders that another version of transformers and peft writes, held against what it says of them.

usage: opt_folders.py PYTHON, whose environment has that version. It writes by opt_writes.py; what
it wrote is read by the tests' transformers, by the engine, and by both after a conversion.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

import torch  # noqa: E402

from inference.__main__ import main as command  # noqa: E402
from tests.inference.folders import compare, vocabulary  # noqa: E402


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        ask(home)
        writing = [sys.argv[1], "-W", "ignore", ROOT / "scripts/peers/opt_writes.py", home]
        written = subprocess.run(writing, capture_output=True, text=True, check=False)
        if written.returncode:
            print(f"  FAILED  to write: {written.stderr[-2000:]}")
            return 1
        failed = sum(told(folder) for folder in sorted(home.glob("*/")))
    return 1 if failed else 0


def ask(home: Path) -> None:
    """Leave the vocabulary that is to be used, and the texts that are to be read by it."""
    vocabulary.write_pair(home)
    questions = {
        "texts": vocabulary.TEXTS, "prompts": compare.PROMPTS, "ids": compare.IDS,
        "new_tokens": compare.NEW_TOKENS,
    }  # fmt: skip
    (home / "asked.json").write_text(json.dumps(questions))


def told(folder: Path) -> bool:
    """Print how a folder fared; True if it failed."""
    check = require_refused if (folder / "adapter_config.json").exists() else require_read
    try:
        check(folder)
    except Exception as error:  # noqa: BLE001  # the other folders are to be told too
        print(f"  FAILED  {folder.name}: {type(error).__name__}: {error}")
        return True
    print(f"  ok      {folder.name}")
    return False


def require_refused(folder: Path) -> None:
    status, said = run("convert", folder, folder.with_suffix(".converted"))
    assert status == 2, said
    assert "adapter" in said, said


def require_read(folder: Path) -> None:
    today = compare.theirs(folder)
    require_as_written(json.loads((folder / "reading.json").read_text()), today)
    compare.require_same(compare.ours(folder), today)
    converted = folder.with_suffix(".converted")
    status, said = run("convert", folder, converted)
    assert status == 0, said
    compare.require_same(compare.theirs(converted), today)
    compare.require_same(compare.ours(converted), today)


def require_as_written(then: dict[str, list], today: compare.Reading) -> None:
    """Compare with the writer's own ids, logits and ends; its attention sums in another order.

    Its texts may have spaces around added tokens, and before 4.34 its ids lack those that stood
    there: both are of tokenizers that transformers no longer has.
    """
    torch.testing.assert_close(torch.tensor(then["logits"]), today.logits, atol=1e-4, rtol=1e-5)
    for text, was, now in zip(vocabulary.TEXTS, then["ids"], today.ids, strict=True):
        assert was == now or any(f" {token}" in text for token in vocabulary.ADDED), text
    assert then["said"] == today.said


def run(*arguments: object) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = command([str(argument) for argument in arguments])
    return status, said.getvalue()


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
