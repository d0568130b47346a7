"""A hold on a revision follows the bytes, into later revisions, copies and other models."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.holds.holds import lift_hold, place_hold, proposed
from portal.access.holds.impact import affected_by
from portal.access.models import Hold
from portal.access.policy.policy import Action, Reason, may
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_folder, make_repo, make_revision, other_weights
from tests.factories.grants import make_accepted, make_administrator, make_hold
from tests.portal.hub.desk import file_line, lfs_line, make_desk

pytestmark = pytest.mark.django_db

SHARD = "model-00002-of-00002.safetensors"


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


@pytest.fixture
def held(grant, tmp_path):
    return make_revision(grant.repo, tmp_path / "held")


def release(repo, folder, **changed):
    make_folder(folder, **changed)
    return make_revision(repo, folder)


def reason(grant, revision, now, action=Action.DOWNLOAD):
    return may(grant.person, action, revision, now).reason


class TestWhatItBinds:
    def test_a_later_revision_with_the_same_weights(self, grant, held, now, tmp_path):
        make_hold(held, grant.repo, now=now)
        later = release(grant.repo, tmp_path / "later", **{"notes.txt": "later"})
        for action in (Action.DOWNLOAD, Action.INFER, Action.CAPTURE):
            assert reason(grant, later, now, action) == Reason.SUSPENDED
        assert may(grant.person, Action.SEE, later, now).allowed

    def test_an_earlier_one_and_one_with_a_single_bad_file(self, grant, held, now, tmp_path):
        half = {SHARD: other_weights()[SHARD]}
        later = release(grant.repo, tmp_path / "later", **half)
        make_hold(later, grant.repo, now=now)
        assert reason(grant, held, now) == Reason.SUSPENDED

    def test_one_without_those_bytes_is_free(self, grant, held, now, tmp_path):
        make_hold(held, grant.repo, now=now)
        mended = release(grant.repo, tmp_path / "mended", **other_weights())
        assert reason(grant, mended, now) is None

    def test_copies_in_the_labs_other_models_and_no_other_labs(self, grant, held, now, tmp_path):
        near = make_repo(namespace=grant.repo.namespace)
        far = make_repo(namespace=make_lab())
        copies = {repo: make_revision(repo, tmp_path / repo.name) for repo in (near, far)}
        make_hold(held, grant.repo, now=now)
        assert reason(make_accepted(near, now=now), copies[near], now) == Reason.SUSPENDED
        assert reason(make_accepted(far, now=now), copies[far], now) is None

    def test_an_operators_binds_in_every_lab(self, grant, held, now, tmp_path):
        far = make_repo(namespace=make_lab())
        copy = make_revision(far, tmp_path / "far")
        make_hold(held, grant.repo, actor=make_user(superuser=True), now=now)
        assert reason(make_accepted(far, now=now), copy, now) == Reason.SUSPENDED

    def test_a_shared_tokenizer_binds_nobody_unless_it_is_chosen(self, grant, held, now, tmp_path):
        mended = release(grant.repo, tmp_path / "mended", **other_weights())
        place(grant, held, now)
        assert reason(grant, mended, now) is None
        place(grant, held, now, files=["tokenizer*"])
        assert reason(grant, mended, now) == Reason.SUSPENDED

    def test_files_that_are_not_there_are_named(self, grant, held, now):
        with pytest.raises(FieldErrors) as refused:
            place(grant, held, now, files=["nothing.*"])
        assert set(refused.value.errors) == {"only_files"}

    def test_lifted_it_binds_none_of_them(self, grant, held, now, tmp_path):
        hold = make_hold(held, grant.repo, now=now)
        later = release(grant.repo, tmp_path / "later", **{"notes.txt": "later"})
        for _ in "ab":
            actor = make_administrator(grant.repo)
            lift_hold(actor=actor, hold_id=hold.pk, reason="Mended.", now=now)
        assert reason(grant, held, now) is None
        assert reason(grant, later, now) is None

    def test_it_costs_the_policy_no_query_more(
        self, grant, held, now, tmp_path, django_assert_num_queries
    ):
        later = release(grant.repo, tmp_path / "later", **{"notes.txt": "later"})
        with django_assert_num_queries(1):
            assert may(grant.person, Action.DOWNLOAD, later, now).allowed
        make_hold(held, grant.repo, now=now)
        with django_assert_num_queries(2):
            assert not may(grant.person, Action.DOWNLOAD, later, now).allowed


def place(grant, held, now, files=()):
    return place_hold(
        actor=make_administrator(grant.repo),
        scope="revision",
        subject_id=held.pk,
        repo_id=grant.repo_id,
        reason="A flaw.",
        now=now,
        only_files=files,
    )


class TestWhatIsTold:
    def test_the_preview_names_each_revision_and_what_stays_open(
        self, grant, held, now, tmp_path, client
    ):
        administrator = make_administrator(grant.repo)
        later = release(grant.repo, tmp_path / "later", **{"notes.txt": "later"})
        far = make_repo(namespace=make_lab())
        hidden = make_repo(namespace=make_lab(), private=True)
        for repo in (far, hidden):
            make_revision(repo, tmp_path / repo.name)
        would = proposed(
            actor=administrator,
            scope="revision",
            subject_id=held.pk,
            repo_id=grant.repo_id,
            now=now,
        )
        reach = affected_by(would, now, visible=ModelRepo.objects.visible_to(administrator)).reach
        assert (reach.files, reach.revision_count) == (2, 2)
        assert {(revision.commit, *revision.refs) for revision in reach.revisions} == {
            (held.commit,),
            (later.commit, "main"),
        }
        assert reach.elsewhere == [far.full_name]
        assert not Hold.objects.exists()
        client.force_login(administrator)
        form = {
            "scope": "revision",
            "subject": held.commit,
            "repo": grant.repo_id,
            "reason": "A flaw.",
            "preview": "1",
        }
        page = client.post("/holds/new", form).content.decode()
        assert later.commit[:10] in page
        assert far.full_name in page
        assert hidden.full_name not in page

    def test_who_holds_a_grant_on_a_copy_gets_a_letter_about_that_one(
        self, grant, held, now, tmp_path
    ):
        near = make_repo(namespace=grant.repo.namespace)
        make_revision(near, tmp_path / "near")
        another_grant = make_accepted(near, now=now)
        make_hold(held, grant.repo, now=now)
        letters = {
            letter.recipient: letter for letter in OutboxMessage.objects.filter(kind="suspension")
        }
        assert letters.keys() == {grant.person, another_grant.person}
        assert near.full_name in letters[another_grant.person].html
        assert held.commit[:10] not in letters[another_grant.person].html

    def test_the_record_says_how_far_it_goes(self, grant, held, now):
        place(grant, held, now)
        event = AuditEvent.objects.get(type="hold.placed")
        assert (event.data["blobs"], event.data["everywhere"]) == (2, False)

    def test_again_changes_nothing_and_other_files_are_another_hold(self, grant, held, now):
        first = place(grant, held, now)
        assert place(grant, held, now) == first
        assert place(grant, held, now, files=["README.md"]) != first


class TestOverTheHub:
    def test_neither_a_copy_nor_a_later_commit_gets_round_it(self, client, tmp_path):
        desk = make_desk(client)
        desk.name = desk.create("open", private=False).json()["id"]
        model = make_folder(tmp_path / "in", **{"config.json": '{"model_type": "other"}'})
        whole = [file_line(path.name, path.read_bytes()) for path in sorted(model.iterdir())]
        weights = b"weights with a flaw"
        desk.bring(weights)
        commit = desk.commit(*whole, lfs_line("m.npz", weights)).json()["commitOid"]
        check = f"/api/v1/models/{desk.name}/revisions/{commit}/check/"
        assert desk.call("post", check, {"licensor": True}).json()["state"] == "passed"
        administrator = desk.head
        now = timezone.now()
        make_hold(administrator, desk.repo, now=now)
        copied = {"srcPath": "m.npz", "srcRevision": commit, "path": "n.npz"}
        desk.commit(file_line("notes.txt", b"x"), {"key": "copyFile", "value": copied})
        for revision in (commit, "main"):
            for path in ("m.npz", "n.npz"):
                answer = desk.client.get(f"/{desk.name}/resolve/{revision}/{path}")
                assert answer.status_code in (401, 404), (revision, path)
        assert "suspended" in desk.client.get(f"/{desk.name}/resolve/main/n.npz")["X-Error-Message"]
