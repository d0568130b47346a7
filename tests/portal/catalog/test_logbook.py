"""A lab's own logbook, as JSONL or as dated Markdown: what is kept, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inference.training.logbook import CAUSES, KINDS
from portal.catalog.errors import NotPublishable
from portal.catalog.logbook.services import add_entries, read_folder_logbook, read_logbook
from portal.catalog.models import LogbookEntry
from tests.factories.catalog import make_folder, make_repo, make_revision

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.django_db

MARKDOWN = """# Run 12

How we got there.

## November

### 2021-11-28 03:20 PT [A. Researcher, on call]: run 12.44, restart from the last checkpoint
parent_run: 12.43
automatic: no
cause: gpu_lost
step: 25,000
figures: loss=3.25, grad_norm=0.2
software: torch=1.10
change: learning_rate 1.2e-4 -> 1.1e-4 (the gradient norm drifted)

The host is out of the pool.

```
### 2021-11-28 03:21 a pasted line, not a heading
```

#### Afterwards

It held.

### 2021-11-28 01:50 PT: run 12.43, Crash: a GPU vanished
ended_at: 2021-11-28T02:00

### 2021-11-30 09:00 ET [B. Researcher]: run 12.44, it was not the GPU
voids: 1
"""


@pytest.fixture
def keep(tmp_path, now):
    """Return a function that stores a logbook of that name and text, and returns its rows."""
    repo = make_repo()

    def keep(text, name="logbook.md"):
        path = tmp_path / name
        path.write_text(text)
        entries, problems = read_logbook(path)
        assert problems == []
        add_entries(repo, entries, now=now)
        return list(repo.logbook.select_related("corrects"))

    keep.repo = repo
    return keep


def test_markdown_is_read_field_by_field(keep):
    crash, restart, later = keep(MARKDOWN)
    assert (restart.kind, restart.run, restart.parent_run) == ("restart", "12.44", "12.43")
    assert restart.occurred_at == datetime(2021, 11, 28, 11, 20, tzinfo=UTC)
    assert (restart.zone, restart.author) == ("PT", "A. Researcher, on call")
    assert (restart.automatic, restart.cause, restart.step) == (False, "gpu_lost", 25_000)
    assert restart.figures == {"loss": 3.25, "grad_norm": 0.2}
    assert restart.software == {"torch": "1.1"} or restart.software == {"torch": "1.10"}
    assert restart.changes == [
        {
            "name": "learning_rate",
            "from": "1.2e-4",
            "to": "1.1e-4",
            "reason": "the gradient norm drifted",
        }
    ]
    assert restart.body.startswith("restart from the last checkpoint\n\nThe host is out")
    assert restart.body.endswith("It held.")
    assert "a pasted line, not a heading" in restart.body
    assert crash.kind == "crash"
    assert crash.ended_at == datetime(2021, 11, 28, 10, 0, tzinfo=UTC)
    assert (later.kind, later.occurred_at.hour) == ("note", 14)


def test_the_oldest_is_the_first_whatever_the_order_in_the_file(keep):
    rows = keep(MARKDOWN)
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows == sorted(rows, key=lambda row: row.occurred_at)


def test_a_correction_names_the_earlier_entry(keep):
    crash, _, later = keep(MARKDOWN)
    assert (later.corrects, later.correction) == (crash, "voids")


def test_an_entry_is_kept_once_though_others_are_added(keep):
    keep(MARKDOWN)
    more = "### 2021-12-01 08:00 Europe/Paris: run 12.45, launch\n\n" + MARKDOWN
    rows = keep(more)
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[3].zone == "Europe/Paris"


def test_jsonl_amends_by_number_or_digest(keep):
    first = {"run": "1", "kind": "note", "occurred_at": "2026-11-01T08:00:00+00:00", "body": "A."}
    (row,) = keep(json.dumps(first), "logbook.jsonl")
    second = first | {"body": "B.", "corrects": row.digest[:8]}
    third = first | {"body": "C.", "reverts": 2}
    text = "\n".join(json.dumps(entry) for entry in (first, second, third))
    rows = keep(text, "logbook.jsonl")
    assert [(row.correction, row.corrects_id) for row in rows] == [
        ("", None),
        ("corrects", rows[0].pk),
        ("reverts", rows[1].pk),
    ]


def test_a_text_may_hold_what_ends_a_line_elsewhere(tmp_path):
    path = tmp_path / "logbook.jsonl"
    texts = ["one\u2028two", "three\x85four", "five\u2029six"]
    lines = [json.dumps(NOTE | {"author": text}, ensure_ascii=False) for text in texts]
    path.write_text("\n".join(lines), "utf-8")
    entries, problems = read_logbook(path)
    assert problems == []
    assert [entry.content["author"] for entry in entries] == texts


def test_kinds_and_causes_are_the_trainers_and_the_guides():
    guide = (ROOT / "docs" / "logbook.md").read_text("utf-8")
    kinds, causes = (re.search(rf"\| `{name}` \| (.*) \|", guide)[1] for name in ("kind", "cause"))
    assert set(LogbookEntry.Kind.values) == set(kinds.split(", ")) == KINDS
    assert set(re.findall(r"[a-z_]+(?=,)", causes)) == CAUSES


@pytest.mark.parametrize("named", [1, 2, 99, "ab" * 8])
def test_what_is_not_there_earlier_can_not_be_amended(tmp_path, now, named):
    line = {"kind": "note", "occurred_at": "2026-11-01T08:00:00Z", "corrects": named}
    folder = make_folder(tmp_path / "in", **{"logbook.jsonl": json.dumps(line)})
    with pytest.raises(NotPublishable, match="line 1: corrects"):
        make_revision(make_repo(), folder)
    assert not LogbookEntry.objects.exists()


NOTE = {"kind": "note", "occurred_at": "2026-11-01T08:00:00Z"}


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"kind": "party"}, "kind must be one of launch"),
        ({"occurred_at": "2026-11-01T08:00:00"}, "a time with its zone"),
        ({"occurred_at": "2026-13-01T08:00:00Z"}, "a time with its zone"),
        ({"occurred_at": "2026-11-01T08:00:00", "zone": "XYZ"}, "is not known"),
        ({"occurred_at": "2026-11-01T08:00:00", "zone": "../etc"}, "is not known"),
        ({"occurred_at": "2021-11-07T01:30:00", "zone": "PT"}, "skip or repeat"),
        ({"occurred_at": "2026-03-08T02:30:00", "zone": "ET"}, "skip or repeat"),
        ({"zone": "PT"}, "another offset than PT"),
        ({"ended_at": "2026-10-01T08:00:00Z"}, "before occurred_at"),
        ({"step": 1.5}, "step must be a whole number"),
        ({"step": True}, "step must be a whole number"),
        ({"step": 2**63}, "“step” holds a number of more than 64 bits"),
        ({"tokens": -1}, "tokens must be a whole number"),
        ({"automatic": "yes"}, "automatic must be true or false"),
        ({"figures": [1]}, "figures must be an object"),
        ({"figures": {"loss": float("nan")}}, "“figures.loss” holds a number that is not finite"),
        ({"changes": {}}, "changes must be a list"),
        ({"body": "a\0b"}, "“body” may not hold the character U+0000"),
        ({"run": "r" * 81}, "run must be text of at most 80"),
        ({"run": ["1"]}, "run must be text"),
        ({"corrects": 0}, "corrects must be an entry’s number"),
        ({"corrects": "xyz"}, "corrects must be an entry’s number"),
        ({"corrects": 1, "voids": 1}, "corrects and voids can’t both be"),
    ],
)
def test_each_bad_line_is_named_with_its_remedy(tmp_path, changed, remedy):
    path = tmp_path / "logbook.jsonl"
    good = json.dumps(NOTE)
    path.write_text("\n".join([good, "", json.dumps(NOTE | changed), "{", "[]", good]))
    entries, problems = read_logbook(path)
    assert len(entries) == 2
    assert [problem.partition(":")[0] for problem in problems] == [
        "logbook.jsonl, line 3",
        "logbook.jsonl, line 4",
        "logbook.jsonl, line 5",
    ]
    assert remedy in problems[0]


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        ("### 28 November, a heading of another shape", "the heading must read as"),
        ("### 2021-11-28 01:50: run 12, without its zone", "the heading must read as"),
        ("### 2021-11-31 01:50 PT: run 12, a day that isn’t", "a time with its zone"),
        ("### 2021-11-28 01:50 XYZ: run 12, a zone that isn’t", "is not known"),
        ("### 2021-11-28 01:50 PT: run 12, what\nkind: party", "kind must be one of"),
        ("### 2021-11-28 01:50 PT: run 12, what\nstep: many", "step must be a whole number"),
        ("### 2021-11-28 01:50 PT: run 12, what\nautomatic: maybe", "must be yes or no"),
        ("### 2021-11-28 01:50 PT: run 12, what\nfigures: loss", "must read as name=value"),
        ("### 2021-11-28 01:50 PT: run 12, what\nchange: lr", "must read as “name before"),
    ],
)
def test_each_bad_heading_is_named_too(tmp_path, entry, remedy):
    path = tmp_path / "logbook.md"
    path.write_text(f"Before.\n\n{entry}\n\n### 2021-11-28 02:00 PT: run 13\n")
    entries, problems = read_logbook(path)
    assert len(entries) == 1
    assert len(problems) == 1
    assert problems[0].startswith("logbook.md, line 3: ")
    assert remedy in problems[0]


def test_a_folder_has_one_logbook(tmp_path):
    folder = make_folder(tmp_path / "in", **{"logbook.md": MARKDOWN})
    _, problems = read_folder_logbook(folder)
    assert "keep one of them" in problems[0]
    (folder / "logbook.jsonl").unlink()
    assert len(read_folder_logbook(folder)[0]) == 3
    (folder / "logbook.md").write_bytes(b"\xff\xfe")
    assert "UTF-8" in read_folder_logbook(folder)[1][0]


def test_the_page_shows_what_was_voided_and_by_what(client, tmp_path):
    repo = make_repo()
    folder = make_folder(tmp_path / "in", **{"logbook.md": MARKDOWN})
    (folder / "logbook.jsonl").unlink()
    make_revision(repo, folder)
    page = client.get(f"/{repo.full_name}").content.decode()
    assert "Voids entry 1." in page
    assert "Void: see entry 3." in page
    assert "A. Researcher, on call" in page
