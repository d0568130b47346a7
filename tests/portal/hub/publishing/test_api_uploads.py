"""A publisher brings files by the API: an address for each, then one commit."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.hub.models import Upload
from portal.storage.incoming import FOLDER
from tests.factories.accounts import make_user
from tests.portal.hub.desk import Desk, local, make_desk
from tests.portal.world import bearer

pytestmark = pytest.mark.django_db
SHARD = b"tensors " * 1000


@pytest.fixture
def desk(client: Client) -> Desk:
    return make_desk(client)


def start(desk: Desk, *files: tuple[str, int], **sent):
    content = {"files": [{"path": path, "size_bytes": size} for path, size in files], **sent}
    return desk.call("post", f"/api/v1/models/{desk.name}/uploads/", content)


def commit(desk: Desk, *files: tuple[str, str], **sent):
    content = {
        "title": "Upload files",
        "files": [{"path": path, "sha256": sha256} for path, sha256 in files],
        **sent,
    }
    return desk.call("post", f"/api/v1/models/{desk.name}/commits/", content)


def bring(desk: Desk, path: str, content: bytes) -> str:
    (link,) = start(desk, (path, len(content))).json()
    answer = desk.client.put(local(link["url"]), content, content_type="")
    assert answer.status_code == 200
    return answer["ETag"].strip('"')


def test_files_are_brought_and_committed(desk):
    sha256 = bring(desk, "data/shard.bin", SHARD)
    assert sha256 == hashlib.sha256(SHARD).hexdigest()
    answer = commit(desk, ("data/shard.bin", sha256), ("config.json", bring(desk, "c", b"{}")))
    assert answer.status_code == 201
    made = answer.json()
    assert made["commit"] == desk.head.commit
    assert made["url"].endswith(f"/{desk.name}/commit/{made['commit']}")
    assert {"data/shard.bin", "config.json"} <= set(desk.paths())
    assert commit(desk, delete=["data"]).status_code == 201
    assert "data/shard.bin" not in desk.paths()


def test_a_session_does_it_with_its_csrf_token(desk):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(desk.publisher)
    url = f"/api/v1/models/{desk.name}/uploads/"
    sent = {"files": [{"path": "a.bin", "size_bytes": len(SHARD)}]}
    refused = browser.post(url, sent, content_type="application/json")
    assert refused.status_code == 403
    page = browser.get(f"/{desk.name}/upload").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = browser.post(
        url, sent, content_type="application/json", headers={"X-CSRFToken": token}
    )
    (link,) = answer.json()
    assert browser.put(local(link["url"]), SHARD, content_type="").status_code == 200
    User.objects.filter(pk=desk.publisher.pk).update(is_active=False)
    assert browser.put(local(link["url"]), SHARD, content_type="").status_code == 403


@pytest.mark.parametrize("sent", [SHARD[:-1], SHARD + b"!"])
def test_bytes_of_another_size_are_refused_and_nothing_stays(desk, sent, settings):
    (link,) = start(desk, ("a.bin", len(SHARD))).json()
    answer = desk.client.put(local(link["url"]), sent, content_type="")
    assert answer.status_code == 422
    assert not Upload.objects.exists()
    assert list(settings.BLOB_DIR.glob(f"{FOLDER}/*")) == []


def refused(answer) -> set[str]:
    assert answer.status_code == 400
    return set(answer.json()["error"]["fields"])


def test_what_cannot_be_is_refused_by_name(desk):
    assert refused(start(desk, ("../a", 1))) == {"files.0.path"}
    assert refused(start(desk, ("a", -1))) == {"files.0.size_bytes"}
    strange = desk.call("post", f"/api/v1/models/{desk.name}/uploads/", {"files": [5]})
    assert refused(strange) == {"files.0"}
    unknown = hashlib.sha256(b"never brought").hexdigest()
    assert refused(commit(desk, ("a", unknown))) == {"files.0.sha256"}
    assert refused(commit(desk, ("a", "short"))) == {"files.0.sha256"}


def test_a_refused_pickle_names_the_setting_that_takes_it(desk):
    answer = commit(desk, ("weights.pt", bring(desk, "weights.pt", b"\x80\x02}q\x00.")))
    assert answer.status_code in {400, 422}
    assert "Take weights in pickles" in answer.text
    assert f"/{desk.name}/settings" in answer.text


def test_bytes_brought_for_another_model_cannot_be_named(desk):
    sha256 = bring(desk, "a.bin", SHARD)
    desk.create("other")
    other = Desk(desk.publisher, desk.lab, desk.secret, desk.client, f"{desk.lab.name}/other")
    assert commit(other, ("a.bin", sha256)).status_code == 400


def test_a_link_ends_after_its_time(desk, monkeypatch):
    (link,) = start(desk, ("a.bin", len(SHARD))).json()
    later = timezone.now() + timedelta(days=2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert desk.client.put(local(link["url"]), SHARD, content_type="").status_code == 403


def test_strangers_bring_nothing(desk):
    stranger = Client()
    stranger.force_login(make_user())
    for rest in ("uploads", "commits"):
        answer = stranger.post(
            f"/api/v1/models/{desk.name}/{rest}/", {}, content_type="application/json"
        )
        assert answer.status_code == 404  # the model is private
    assert stranger.get(f"/{desk.name}/upload").status_code == 404
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(private=False)
    assert stranger.get(f"/{desk.name}/upload").status_code == 403
    anonymous = Client().post(
        f"/api/v1/models/{desk.name}/uploads/",
        {},
        content_type="application/json",
        headers=bearer("wg_nothing"),
    )
    assert anonymous.status_code == 401
