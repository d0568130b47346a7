"""Uploads of pickles are refused before their bytes are sent, or go on without them."""

from __future__ import annotations

import base64

import pytest

from tests.portal.catalog.pickles.files import HARMLESS, PICKLES
from tests.portal.hub.desk import file_line, lfs_line

OLD = "unknown/None; hf_hub/0.36.2; python/3.11.2"
NEW = "hf/1.32.0; hf_hub/1.32.0; python/3.11.2"
LARGE_FOLDERS_TITLE = "Add files using upload-large-folder tool"
SAVED = PICKLES["torch's zip"]
TRAINERS = "training_args.bin"


def asked(desk, agent=NEW, **files):
    desk.client.defaults["HTTP_USER_AGENT"] = agent
    content = [
        {"path": path, "size": len(bytes_), "sample": base64.b64encode(bytes_[:512]).decode()}
        for path, bytes_ in files.items()
    ]
    return desk.api("post", "preupload/main", {"files": content})


def allow_pickles(desk):
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(pickles_allowed=True)


class TestBeforeTheUpload:
    def test_a_pickle_is_refused_before_its_bytes_are_sent(self, desk):
        answer = asked(desk, **{"m.dat": SAVED, "m.safetensors": HARMLESS["floats"]})
        assert answer.status_code == 400
        assert "m.dat is a pickle" in answer["X-Error-Message"]

    def test_the_trainers_file_is_spared_with_a_warning(self, desk):
        answer = asked(desk, **{TRAINERS: SAVED, "run/training_args.bin": SAVED, "a.txt": b"x"})
        ignored = [file["path"] for file in answer.json()["files"] if file["shouldIgnore"]]
        assert ignored == [TRAINERS, "run/training_args.bin"]
        assert f"{TRAINERS}, run/training_args.bin" in answer["X-HF-Warning"]
        harmless = asked(desk, **{TRAINERS: HARMLESS["floats"]})
        assert not harmless.json()["files"][0]["shouldIgnore"]

    def test_a_client_that_would_ask_again_at_once_is_answered_later(self, desk):
        answer = asked(desk, OLD, **{"m.dat": SAVED})
        assert answer.status_code == 200
        assert not answer.json()["files"][0]["shouldIgnore"]

    def test_what_the_repo_allows_or_has_is_asked_for(self, desk):
        allow_pickles(desk)
        assert asked(desk, **{"m.dat": SAVED, TRAINERS: SAVED}).status_code == 200
        desk.commit(file_line("m.dat", SAVED))
        type(desk.repo).objects.update(pickles_allowed=False)
        assert asked(desk, **{"m.dat": SAVED}).status_code == 200

    @pytest.mark.parametrize("sample", [7, "?", "A" * 9000])
    def test_a_sample_that_is_none(self, desk, sample):
        content = {"files": [{"path": "a", "size": 1, "sample": sample}]}
        assert desk.api("post", "preupload/main", content).status_code in (200, 400)


class TestAtTheCommit:
    def test_the_trainers_file_is_left_out_and_that_is_said_and_kept(self, desk):
        desk.bring(SAVED)
        answer = desk.commit(
            lfs_line(TRAINERS, SAVED), file_line("config.json", b"{}"), description="Epoch 3"
        )
        assert answer.status_code == 200
        assert TRAINERS in answer["X-HF-Warning"]
        assert "config.json" in desk.paths()
        assert TRAINERS not in desk.paths()
        assert desk.head.message.startswith("Epoch 3\n\nLeft out")
        assert TRAINERS in desk.head.message

    def test_raw_data_of_that_name_is_taken(self, desk):
        answer = desk.commit(file_line(TRAINERS, HARMLESS["floats"]))
        assert "Left out" not in answer["X-HF-Warning"]
        assert TRAINERS in desk.paths()

    def test_weights_beside_it_are_refused(self, desk):
        answer = desk.commit(file_line(TRAINERS, SAVED), file_line("model.bin", SAVED))
        assert answer.status_code == 400
        assert "model.bin is a pickle" in answer["X-Error-Message"]

    def test_alone_it_makes_no_revision(self, desk):
        before = desk.head
        assert desk.commit(file_line(TRAINERS, SAVED)).status_code == 200
        assert desk.head == before

    def test_a_repo_that_allows_pickles_has_it_whole(self, desk):
        allow_pickles(desk)
        assert "Left out" not in desk.commit(file_line(TRAINERS, SAVED))["X-HF-Warning"]
        assert TRAINERS in desk.paths()

    @pytest.mark.parametrize(
        ("agent", "status"), [(OLD, 200), ("hf/1.31.0; hf_hub/1.31.0", 200), (NEW, 400), ("", 400)]
    )
    def test_an_old_large_folder_ends_and_a_new_one_gives_up_by_itself(self, desk, agent, status):
        desk.client.defaults["HTTP_USER_AGENT"] = agent
        answer = desk.commit(
            file_line("model.bin", SAVED),
            file_line("config.json", b"{}"),
            summary=LARGE_FOLDERS_TITLE,
        )
        assert answer.status_code == status
        if status == 200:
            assert "config.json" in desk.paths()
            assert "model.bin" not in desk.paths()
            assert "model.bin" in desk.head.message

    def test_any_other_upload_of_an_old_client_is_refused_whole(self, desk):
        desk.client.defaults["HTTP_USER_AGENT"] = OLD
        answer = desk.commit(file_line("model.bin", SAVED), file_line("config.json", b"{}"))
        assert answer.status_code == 400
