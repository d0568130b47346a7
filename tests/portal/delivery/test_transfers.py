"""The account that nginx's log gives of what was sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from portal.delivery.accounting.transfers import read_transfers
from portal.delivery.models import Download


@pytest.fixture
def handed_over(world, now):
    """Return a maker of downloads that nginx was told to send."""

    def handed_over(**fields):
        values = {"length_bytes": 1000, "status_code": 200, "started_at": now} | fields
        return Download.objects.create(file=world.file(), revision=world.revision, **values)

    return handed_over


@pytest.fixture
def log(tmp_path):
    return tmp_path / "transfers.log"


def line(download, *, status=200, sent=1000, ended=1_800_000_000.25):
    entry = {"download": str(download.pk), "status": status, "bytes": sent, "ended": ended}
    return f"{json.dumps(entry)}\n"


def sent(download):
    download.refresh_from_db()
    return download.bytes_sent


def add(log, *lines):
    with log.open("a") as file:
        file.writelines(lines)


def test_each_line_ends_its_download(handed_over, log):
    whole, cut, refused = handed_over(), handed_over(), handed_over()
    add(log, line(whole), line(cut, sent=17), line(refused, status=429, sent=99))
    assert read_transfers(log) == 3
    assert [sent(download) for download in (whole, cut, refused)] == [1000, 17, 0]
    assert refused.status_code == 429
    assert whole.ended_at == datetime.fromtimestamp(1_800_000_000.25, UTC)


def test_what_was_read_is_not_read_again(handed_over, log, django_assert_num_queries):
    first, second = handed_over(), handed_over()
    add(log, line(first))
    assert read_transfers(log) == 1
    add(log, line(second))
    assert read_transfers(log) == 1
    assert read_transfers(log) == 0
    assert sent(second) == 1000


def test_a_line_half_written_waits_for_its_end(handed_over, log):
    download = handed_over()
    add(log, line(download)[:20])
    assert read_transfers(log) == 0
    add(log, line(download)[20:])
    assert read_transfers(log) == 1
    assert sent(download) == 1000


def test_a_log_that_is_moved_away_is_read_to_its_end(handed_over, log):
    first, last, new = handed_over(), handed_over(), handed_over()
    add(log, line(first))
    read_transfers(log)
    add(log, line(last))
    log.rename(log.with_name("transfers.log.1"))
    add(log, line(new))
    assert read_transfers(log) == 2
    assert [sent(last), sent(new)] == [1000, 1000]
    assert read_transfers(log) == 0


def test_a_log_that_is_cut_is_read_from_its_start(handed_over, log):
    first, second, new = handed_over(), handed_over(), handed_over()
    add(log, line(first), line(second))
    read_transfers(log)
    log.write_text(line(new))
    assert read_transfers(log) == 1
    assert sent(new) == 1000


def test_nothing_in_a_log_stops_the_account(handed_over, log, world, now):
    download = handed_over()
    ended = handed_over(bytes_sent=5, ended_at=now)
    gone = Download(pk=ended.pk + 1000)
    odd = ("", "no json", "[1]", '{"download":"","status":200,"bytes":1,"ended":1}')
    add(log, *(f"{text}\n" for text in odd), line(gone), line(ended), line(download, sent=3))
    assert read_transfers(log) == len(odd) + 3
    assert [sent(download), sent(ended)] == [3, 5]


def test_there_may_be_no_log_yet(log, db):
    assert read_transfers(log) == 0


def test_a_long_log_is_read_in_pieces(handed_over, log, monkeypatch):
    downloads = [handed_over() for _ in range(20)]
    add(log, *map(line, downloads))
    monkeypatch.setattr("portal.delivery.accounting.transfers.CHUNK_BYTES", 250)
    assert read_transfers(log) == 20
    assert {sent(download) for download in downloads} == {1000}
