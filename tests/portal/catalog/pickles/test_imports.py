"""The imports of a pickle are known without loading it, and decide whether a model may hold it."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from fractions import Fraction

import pytest
import torch

from portal.catalog.folder_checks import check
from portal.catalog.formats.pickle_imports import MOST_PICKLE_BYTES, Safety, imports_of
from portal.catalog.models import ModelRepo
from tests.cpu import cpu_seconds
from tests.factories.catalog import make_folder
from tests.portal.catalog.pickles.files import OBJECTS, PICKLES, npz
from tests.portal.hub.desk import file_line, make_desk

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")
LAYER = torch.nn.Linear(2, 3)


class Command:
    """An object whose pickle runs a command."""

    def __reduce__(self):
        return os.system, ("true",)


def saved(value, **options) -> bytes:
    into = io.BytesIO()
    torch.save(value, into, **options)
    return into.getvalue()


def read(content: bytes):
    return imports_of(io.BytesIO(content))


def hidden_name(protocol: int) -> bytes:
    """Pickle a command whose name is put together from the memo, as an attacker would."""
    return pickletools.optimize(pickle.dumps([("system", "posix"), Command()], protocol))


STATE = {"state": LAYER.state_dict(), "half": torch.ones(2, dtype=torch.float16), "ids": {1, 2}}


@pytest.mark.parametrize("zipped", [True, False])
def test_saved_tensors_import_only_what_tensors_need(zipped):
    imports = read(saved(STATE, _use_new_zipfile_serialization=zipped))
    assert imports.safety == Safety.TENSORS
    assert "torch._utils._rebuild_tensor_v2" in imports.names


def test_a_whole_module_imports_its_class():
    imports = read(saved(LAYER))
    assert imports.safety == Safety.CODE
    assert imports.unusual == ["torch.nn.modules.linear.Linear"]


@pytest.mark.parametrize("protocol", range(6))
def test_a_command_is_dangerous_however_it_is_written(protocol):
    for content in (
        pickle.dumps(Command(), protocol),
        hidden_name(protocol),
        saved({"a": Command()}),
        pickle.dumps(OrderedDict(a=1), protocol) + pickle.dumps(Command(), protocol),
    ):
        assert read(content).safety == Safety.DANGEROUS


def test_a_command_behind_another_name_in_a_zip_is_found():
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(OrderedDict(a=1), 2))
        archive.writestr("a/data/0", pickle.dumps(Command(), 2))
    assert read(into.getvalue()).safety == Safety.DANGEROUS


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(gzip.compress(pickle.dumps(OrderedDict(a=1))), id="compressed"),
        pytest.param(npz(OBJECTS), id="objects in an npz"),
        pytest.param(PICKLES["a broken zip"], id="a broken zip"),
        pytest.param(b"\x80\x02\x82\x01.", id="a number for a name"),
        pytest.param(b"\x80\x04NN\x93.", id="a name that is no text"),
        pytest.param(b"\x80\x02]" + b"a" * 3, id="more taken than put"),
        pytest.param(pickle.dumps(b"x" * (MOST_PICKLE_BYTES + 1)), id="too long"),
    ],
)
def test_what_cannot_be_followed_may_import_anything(content):
    imports = read(content)
    assert imports.is_unreadable
    assert imports.safety == Safety.CODE


def test_a_bomb_is_read_in_bounded_time():
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + b"N0" * (64 << 20) + b".")
    assert cpu_seconds(lambda: read(into.getvalue())) < 3


@pytest.mark.django_db
class TestAModelThatAllowsPickles:
    @pytest.fixture
    def desk(self, client):
        desk = make_desk(client)
        ModelRepo.objects.filter(pk=desk.repo.pk).update(pickles_allowed=True)
        return desk

    def test_it_takes_them_with_a_mark(self, desk):
        desk.commit(
            file_line("state.pkl", saved(STATE)),
            file_line("m/fractions.pkl", pickle.dumps(Fraction(1, 2))),
            file_line("notes.txt", b"x"),
        )
        tree = desk.api("get", "tree/main?expand=1&recursive=1").json()
        entries = {entry["path"]: entry for entry in tree}
        weights = entries["state.pkl"]["securityFileStatus"]
        assert weights["status"] == "safe"
        assert entries["m/fractions.pkl"]["securityFileStatus"]["pickleImportScan"] == {
            "status": "caution",
            "pickleImports": [{"module": "fractions", "name": "Fraction", "safety": "suspicious"}],
        }
        assert entries["notes.txt"]["securityFileStatus"]["status"] == "unscanned"
        desk.client.force_login(desk.publisher)
        page = desk.client.get(f"/{desk.repo.full_name}").content.decode()
        assert "imports only what tensors need" in page
        assert "imports fractions.Fraction" in page
        model = desk.client.get(f"/api/v1/models/{desk.repo.full_name}/").json()
        assert model["pickles"] == [
            {"path": "m/fractions.pkl", "safety": "code", "unusual": ["fractions.Fraction"]},
            {"path": "state.pkl", "safety": "tensors", "unusual": []},
        ]

    def test_it_refuses_a_command_all_the_same(self, desk):
        answer = desk.commit(file_line("pytorch_model.bin", pickle.dumps(Command())))
        assert answer.status_code == 400
        assert "would run posix.system" in answer["X-Error-Message"]
        assert "pytorch_model.bin" not in desk.paths()


def test_a_folder_with_a_command_is_refused_though_pickles_are_allowed(tmp_path):
    folder = make_folder(tmp_path / "in", **{"m.pkl": pickle.dumps(Command())})
    problems = check(folder, allow_pickle=True).problems
    assert any("m.pkl is a pickle that would run posix.system" in problem for problem in problems)
    (folder / "m.pkl").write_bytes(pickle.dumps(Fraction(1, 2)))
    findings = check(folder, allow_pickle=True)
    assert not any("m.pkl" in problem for problem in findings.problems)
    assert any("m.pkl is a pickle" in warning for warning in findings.warnings)
