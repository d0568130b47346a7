"""Pickles are known by their bytes, however they come, and nothing else is taken for one."""

from __future__ import annotations

import io
import random

import pytest

from portal.catalog.folder_checks import check
from portal.catalog.formats.pickles import HEAD_BYTES, begins_as_pickle, holds_pickle
from tests.cpu import cpu_seconds
from tests.factories.catalog import make_folder
from tests.portal.catalog.pickles.files import HARMLESS, PICKLES
from tests.portal.hub.desk import file_line, lfs_line, make_desk

# pickletools reads strings of Python, and warns of what is none
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")
NAMES = ("m.BIN", "m.Pt", "weights.dat", "m.npy", "m.th", "config.json")


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_is_known(kind):
    assert holds_pickle(io.BytesIO(PICKLES[kind]))


@pytest.mark.parametrize("kind", HARMLESS)
def test_other_bytes_are_not_taken_for_one(kind):
    assert not holds_pickle(io.BytesIO(HARMLESS[kind]))


def test_the_first_bytes_that_a_client_shows_are_enough_for_most():
    hidden = {"a zip with it last", "a broken zip", "an npz of objects"}
    known = {kind for kind, content in PICKLES.items() if begins_as_pickle(content[:512])}
    assert known >= PICKLES.keys() - hidden - {"a long one", "zlib", "bzip2", "xz", "gzip"}
    assert not any(begins_as_pickle(content[:512]) for content in HARMLESS.values())


def test_random_bytes_are_hardly_ever_taken_for_one():
    """Raw weights begin with any bytes at all."""
    source = random.Random(11)
    for start in (b"", b"\x80\x02", b"c", b"(", b"}", b"\x80\x04"):
        taken = sum(holds_pickle(io.BytesIO(start + source.randbytes(300))) for _ in range(300))
        assert taken <= (60 if start.startswith(b"\x80") else 0), start


@pytest.mark.parametrize(
    "content",
    [
        b"(" * HEAD_BYTES,
        b"\x80\x02" + b"N0" * HEAD_BYTES,
        b"I1\n" * HEAD_BYTES,
    ],
)
def test_hostile_ones_are_looked_into_in_bounded_time(content):
    assert cpu_seconds(lambda: holds_pickle(io.BytesIO(content))) < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_with_one_is_refused_whatever_it_is_called(tmp_path, name):
    folder = make_folder(tmp_path / "in", **{name: PICKLES["torch's zip"]})
    assert f"{name} is a pickle" in "\n".join(check(folder).problems)
    (folder / name).write_bytes(HARMLESS["floats"])
    assert "is a pickle" not in "\n".join(check(folder).problems)


@pytest.mark.django_db
@pytest.mark.parametrize("by_lfs", [False, True])
def test_so_is_a_commit(client, by_lfs):
    desk = make_desk(client)
    cases = ((PICKLES["protocol 4"], 400), (HARMLESS["floats"], 200))
    for content, _ in cases:
        desk.bring(content)
    for name in NAMES[:5]:
        for content, status in cases:
            line = lfs_line(name, content) if by_lfs else file_line(name, content)
            answer = desk.commit(line)
            assert answer.status_code == status, (name, status)
            assert status == 200 or "Convert it to safetensors" in answer["X-Error-Message"]


@pytest.mark.django_db
def test_a_name_that_only_pickles_bear_is_refused_in_any_case(client):
    desk = make_desk(client)
    for name in ("m.PICKLE", "m.joblib", "m.Dill", "a/x.pkl"):
        assert desk.commit(file_line(name, b"1")).status_code == 400
