"""A batch's file is read line by line, and each fault is named with its line."""

from __future__ import annotations

import json

import pytest

from portal.jobs.batches.advancing import advance_batch
from portal.jobs.batches.reading import MOST_ERRORS, BatchReader
from portal.jobs.models import Batch
from portal.parsing.json import LARGEST_BODY_BYTES
from tests.factories.accounts import make_user
from tests.factories.batches import as_jsonl, make_batch, make_file, request_line
from tests.factories.catalog import make_repo


@pytest.fixture
def repo(db):
    return make_repo(hosted=True)


@pytest.fixture
def read(repo, now):
    def faults(lines, content=None):
        reader = BatchReader("/v1/completions")
        file = make_file(make_user(), content or as_jsonl(lines), now=now)
        sound = list(reader.lines(file))
        return sound, [(error.line, error.code, error.param) for error in reader.errors]

    return faults


def test_each_fault_is_named_with_its_line(repo, read):
    sound = request_line(repo)
    cases = [
        (b"{", "invalid_json_line", None),
        (b"[]", "invalid_json_line", None),
        (b"\xff", "invalid_json_line", None),
        (b'{"custom_id": "x", "custom_id": "y"}', "invalid_json_line", None),
        (b"[" * 1000, "invalid_json_line", None),
        ({**sound, "custom_id": None}, "missing_required_parameter", "custom_id"),
        ({**sound, "custom_id": ""}, "missing_required_parameter", "custom_id"),
        ({**sound, "custom_id": 7}, "invalid_custom_id", "custom_id"),
        ({**sound, "custom_id": "x" * 257}, "invalid_custom_id", "custom_id"),
        ({**sound, "custom_id": "x\0"}, "invalid_json_line", "custom_id"),
        ({**sound, "custom_id": "first"}, "duplicate_custom_id", "custom_id"),
        ({**sound, "custom_id": "m", "method": "GET"}, "invalid_method", "method"),
        ({**sound, "custom_id": "u", "url": "/v1/embeddings"}, "invalid_url", "url"),
        ({**sound, "custom_id": "b", "body": "x"}, "missing_required_parameter", "body"),
        (request_line(repo, "s", stream=True), "invalid_value", "body.stream"),
        (request_line(repo, "d", dry_run=True), "invalid_value", "body.dry_run"),
        (request_line(repo, "t", temperature=3), "invalid_value", "body.temperature"),
        (request_line(repo, "p", prompt=[]), "invalid_value", "body.prompt"),
        (request_line(repo, "q", suffix="x"), "invalid_value", "body.suffix"),
        (request_line(repo, "n", model=None), "invalid_value", "body.model"),
        (request_line(repo, "o", model="lab/other"), "mismatched_model", "body.model"),
    ]
    lines = [request_line(repo, "first"), *(line for line, _, _ in cases)]
    good, faults = read(lines)
    expected = [(number, code, param) for number, (_, code, param) in enumerate(cases, 2)]
    assert faults == expected
    assert [line.custom_id for line in good] == ["first"]


def test_empty_lines_are_passed_over_and_counted(repo, read):
    content = b"\n" + as_jsonl([request_line(repo, "a")]) + b"  \r\n{\n"
    good, faults = read([], content)
    assert [line.number for line in good] == [2]
    assert [line for line, *_ in faults] == [4]


def test_a_prompt_may_hold_any_character(repo, read):
    good, faults = read([request_line(repo, "ü", prompt="a\0b ☃")])
    assert faults == []
    assert json.loads(good[0].body)["prompt"] == "a\0b ☃"


def test_a_line_has_the_bytes_of_a_request_at_most(repo, read):
    good, faults = read([request_line(repo, prompt="x" * LARGEST_BODY_BYTES)])
    assert (good, faults) == ([], [(1, "invalid_json_line", None)])


def test_a_file_of_nothing_is_refused(read):
    assert read([], b"\n \n") == ([], [(None, "empty_file", None)])


def test_a_batch_has_so_many_requests(repo, read, settings):
    settings.BATCH_LINES = 2
    _, faults = read([request_line(repo, str(number)) for number in range(4)])
    assert faults == [(None, "too_many_requests", None)]


def test_so_many_faults_are_enough(read):
    _, faults = read([b"{"] * (MOST_ERRORS + 50))
    assert len(faults) == MOST_ERRORS


def test_a_batch_with_a_fault_fails_whole(repo, now):
    batch = make_batch(make_user(), [request_line(repo), b"{"], now=now)
    advance_batch(batch.pk, now)
    batch = Batch.objects.get(pk=batch.pk)
    assert (batch.state, batch.failed_at) == ("failed", now)
    assert [error["line"] for error in batch.errors] == [2]
    assert not batch.lines.exists()


@pytest.mark.parametrize(("private", "code"), [(False, "no_access"), (True, "model_not_found")])
def test_so_does_one_of_a_model_that_the_person_may_not_prompt(now, db, private, code):
    repo = make_repo(hosted=True, private=private)
    batch = make_batch(make_user(), [request_line(repo)], now=now)
    advance_batch(batch.pk, now)
    batch = Batch.objects.get(pk=batch.pk)
    assert batch.state == "failed"
    assert [(error["code"], error["param"]) for error in batch.errors] == [(code, "model")]
