"""A model is uploaded, read back, accepted and downloaded by the installed client."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.utils import timezone
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from portal.accounts.services import let_publish
from portal.catalog.models import ModelRepo
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.statements import HostingStatement
from tests.clients.conftest import ON_BOTH_BACKENDS
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import tiny_model
from tests.portal.world import World

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True), ON_BOTH_BACKENDS]
CARD = "---\nlicense: other\nlicense_name: noncommercial\nlanguage: en\n---\n# A small model\n"


@pytest.fixture(autouse=True)
def _without_xet(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


def client_of(settings, secret: str) -> HfApi:
    return HfApi(endpoint=settings.BASE_URL, token=secret)


def sums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def fetched(api: HfApi, name: str, folder: Path) -> dict[str, str]:
    where = {"cache_dir": folder / "cache", "local_dir": folder / "model"}
    snapshot_download(name, endpoint=api.endpoint, token=api.token, **where)
    return sums(folder / "model")


def test_a_repo_is_duplicated_and_listed(hub: World, settings):
    person, now = make_user(), timezone.now()
    operator = make_user(superuser=True)
    let_publish(actor=operator, namespace=hub.repo.namespace, user=person, now=now)
    publisher = client_of(settings, make_token(person, now=now)[1])
    copy = f"{hub.repo.namespace.name}/copy"
    for _ in range(2):
        url = publisher.duplicate_repo(hub.repo.full_name, copy, exist_ok=True)
        assert url.repo_id == copy
    info = publisher.model_info(copy)
    assert (info.private, info.gated) == (True, "manual")
    listed = {repo.id: repo for repo in publisher.list_user_repos()}
    assert set(listed) == {hub.repo.full_name, copy}
    assert listed[copy].visibility == "private"
    assert listed[copy].storage >= len(hub.bytes_of())
    in_lab = publisher.list_user_repos(namespace=hub.repo.namespace.name)
    assert {repo.id for repo in in_lab} == set(listed)
    reader = client_of(settings, hub.secret)
    assert not reader.repo_exists(copy)
    with pytest.raises(HfHubHTTPError, match="may not make models"):
        reader.duplicate_repo(hub.repo.full_name, f"{hub.researcher.username}/mine")
    with pytest.raises(HfHubHTTPError, match="no webhooks here"):
        publisher.list_webhooks()


def test_what_is_uploaded_comes_to_whom_the_team_accepts(hub: World, settings, tmp_path: Path):
    person, now = make_user(), timezone.now()
    operator = make_user(superuser=True)
    let_publish(actor=operator, namespace=hub.repo.namespace, user=person, now=now)
    publisher = client_of(settings, make_token(person, now=now)[1])
    applicant = make_user()
    theirs = client_of(settings, make_token(applicant, now=now)[1])
    stranger = client_of(settings, hub.stranger_secret)

    model = tmp_path / "in"
    model.mkdir(exist_ok=True)
    folder = model / "small"
    tiny_model(folder)
    (folder / "README.md").write_text(CARD)
    (folder / "notes.txt").write_text("notes\n")

    name = f"{hub.repo.namespace.name}/small"
    publisher.create_repo(name)
    small = ModelRepo.objects.get(name="small")
    state_right(actor=person, repo_id=small.pk, statement=HostingStatement(), now=now)
    publisher.upload_folder(repo_id=name, folder_path=folder)
    brought = sums(folder)
    back = fetched(publisher, name, tmp_path / "back")
    assert brought.items() <= back.items()
    assert not stranger.repo_exists(name)

    publisher.update_repo_settings(name, gated="manual", private=False)
    info = theirs.model_info(name)
    assert (info.gated, info.card_data.language, info.downloads) == ("manual", "en", 0)
    with pytest.raises(GatedRepoError):
        fetched(theirs, name, tmp_path / "before")

    make_request(ModelRepo.objects.get(name="small"), applicant, now=now)
    (waits,) = publisher.list_pending_access_requests(name)
    publisher.accept_access_request(name, waits.username)
    assert brought.items() <= fetched(theirs, name, tmp_path / "after").items()
    with pytest.raises(GatedRepoError):
        fetched(stranger, name, tmp_path / "stranger")
