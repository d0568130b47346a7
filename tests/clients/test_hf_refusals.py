"""huggingface_hub makes of each refusal the right exception, with a helpful sentence."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from datetime import timedelta

import httpx2
import pytest
from django.utils import timezone
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.models import Grant
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from portal.accounts.services import revoke_token
from portal.catalog.models import File, ModelRepo
from portal.delivery.models import Download
from tests.clients.conftest import ON_BOTH_BACKENDS
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.grants import make_administrator, make_gate, make_hold, make_offer
from tests.factories.reviews import approve, decline
from tests.portal.world import SHARD

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True), ON_BOTH_BACKENDS]


def token_of(person, *scopes, **more):
    return make_token(person, *scopes, now=timezone.now(), **more)[1]


@pytest.fixture
def ask(settings, tmp_path):
    """Download a file as a user does; the exception."""

    def ask(repo, token, path="config.json", revision="main"):
        with pytest.raises(Exception) as raised:  # noqa: PT011  (which one is the question)
            hf_hub_download(
                repo.full_name,
                path,
                revision=revision,
                token=token or False,
                endpoint=settings.BASE_URL,
                cache_dir=tmp_path / "cache",
            )
        return raised.value

    return ask


def declined(world, now):
    request = make_request(world.repo, now=now - timedelta(hours=1))
    decline_request(
        reviewer=make_reviewer(world.repo),
        request_id=request.pk,
        reason_code="purpose_unclear",
        reason_text="Say what for.",
        now=now,
    )
    return request.applicant


def asked_back(world, now):
    request = make_request(world.repo, now=now - timedelta(hours=1))
    reviewer = make_reviewer(world.repo)
    ask_question(reviewer=reviewer, request_id=request.pk, text="Which data?", now=now)
    return request.applicant


def decided_and_undoable(decide):
    """Return somebody whose request is decided, though its team may still undo that."""

    def make(world, now):
        request = make_request(world.repo, now=now - timedelta(hours=1))
        make_gate(world.repo, undo_minutes=10)
        decide(request, make_reviewer(world.repo), now)
        make_gate(world.repo, undo_minutes=0)
        return request.applicant

    return make


def revoked(world, now):
    grant = make_grant(world.repo, now=now - timedelta(hours=1))
    actor = make_administrator(world.repo)
    revoke_grant(actor=actor, grant_id=grant.pk, reason="Over.", now=now)
    return grant.person


def suspended(world, now):
    grant = make_grant(world.repo, now=now - timedelta(hours=1))
    make_hold(grant.person, world.repo, now=now)
    return grant.person


def expired(world, now):
    return make_grant(world.repo, now=now - timedelta(days=30), days=20).person


GATED = {
    "no request": (lambda world, now: make_user(), "you have not asked yet", "/requests/new/"),
    "pending": (
        lambda world, now: make_request(world.repo, now=now).applicant,
        "with the reviewers",
        "/requests/",
    ),
    "approved, undoable": (decided_and_undoable(approve), "with the reviewers", "/requests/"),
    "declined, undoable": (decided_and_undoable(decline), "with the reviewers", "/requests/"),
    "question": (asked_back, "asked you a question", "/requests/"),
    "declined": (declined, "was declined on", "/requests/"),
    "revoked": (revoked, "ended by the lab", "/requests/new/"),
    "expired": (expired, "ended on", "/grants/"),
    "suspended": (suspended, "has been suspended since", "see http"),
    "offered": (
        lambda world, now: make_offer(world.repo, now=now).person,
        "Sign its terms by",
        "/offer",
    ),
}


def test_the_gate_raises_its_own_error_with_a_sentence_and_a_page(hub, ask, settings):
    now = timezone.now()
    for case, (person_of, words, page) in GATED.items():
        error = ask(hub.repo, token_of(person_of(hub, now)))
        assert type(error) is GatedRepoError, case
        assert error.response.status_code == 403, case
        assert "you are not in the authorized list" in str(error), case
        assert words in str(error), (case, str(error))
        assert page in str(error), case
        assert settings.BASE_URL in str(error), case


def test_nobody_and_narrow_tokens_are_told_to_make_another(hub, ask):
    nobody = ask(hub.repo, None)
    assert type(nobody) is GatedRepoError
    assert nobody.response.status_code == 401
    assert "Make a token at" in str(nobody)
    for narrow in (token_of(hub.researcher, "infer"), token_of(hub.researcher, repo_ids=[])):
        error = ask(hub.repo, narrow)
        assert type(error) is GatedRepoError
        assert "Make one that may at" in str(error)


def test_the_licence_gate_sends_one_to_sign(hub, ask, tmp_path):
    repo = make_repo(gate="licence")
    make_revision(repo, tmp_path / "licence")
    error = ask(repo, hub.stranger_secret)
    assert type(error) is GatedRepoError
    assert f"/sign/{repo.full_name}" in str(error)


def test_what_is_not_there_or_not_known(hub, ask):
    for repo in (ModelRepo(namespace=hub.repo.namespace, name="none"), hub.repo):
        ModelRepo.objects.update(private=True)
        for token in (hub.stranger_secret, None):
            error = ask(repo, token)
            assert type(error) is RepositoryNotFoundError
            assert "nothing you may know of" in str(error)
    ModelRepo.objects.update(private=False)
    assert type(ask(hub.repo, hub.secret, revision="none")) is RevisionNotFoundError
    missing = ask(hub.repo, hub.secret, "none.bin")
    assert isinstance(missing, RemoteEntryNotFoundError)
    assert missing.response.headers["x-repo-commit"] == hub.revision.commit


def test_a_token_that_is_none_of_ours_or_no_more(hub, ask, settings):
    revoke_token(owner=hub.researcher, token_id=hub.token.pk, now=timezone.now())
    for token in ("wg_nonsense", hub.secret):
        with pytest.raises(HfHubHTTPError, match="Invalid user token") as refused:
            HfApi(endpoint=settings.BASE_URL, token=token).whoami()
        assert refused.value.response.status_code == 401
        assert "Invalid credentials in Authorization header" in str(ask(hub.repo, token))


def test_a_quota_that_is_used_up_says_when_it_begins_anew(hub, settings):
    settings.DAILY_DOWNLOAD_GB = 1
    Download.objects.create(
        person=hub.researcher,
        file=hub.file(),
        revision=hub.revision,
        length_bytes=10**9,
        status_code=200,
        started_at=timezone.now(),
    )
    url = f"{settings.BASE_URL}{hub.url()}"
    with pytest.raises(HfHubHTTPError) as refused:  # a download waits for as long as it is told
        hf_raise_for_status(httpx2.get(url, headers=hub.bearer))
    assert "reached your 'daily_bytes' rate limit" in str(refused.value)
    assert "The day begins anew at 00:00 UTC" in str(refused.value)


def test_no_refusal_of_weights_is_a_page(hub, settings):
    link = httpx2.get(f"{settings.BASE_URL}{hub.url()}", headers=hub.bearer).headers["location"]
    Grant.objects.update(revoked_at=timezone.now(), revoked_by=hub.stranger)
    for url in (
        f"{settings.BASE_URL}{hub.url()}",
        f"{settings.BASE_URL}{hub.url('none')}",
        f"{settings.BASE_URL}/a/b/resolve/main/{SHARD}",
        f"{settings.BASE_URL}/datasets/a/b/resolve/main/{SHARD}",
        f"{settings.BASE_URL}/-/d/x/{SHARD}",
        *([link] if settings.STORAGE == "local" else []),  # a bucket's own lives its minutes out
    ):
        for token in ("", hub.secret, "wg_x"):
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
            answer = httpx2.get(url, headers=headers if token else {})
            assert answer.status_code in (401, 403, 404), url
            assert answer.headers["content-type"] == "application/json"


CONVERT = """
import sys
from huggingface_hub.utils import httpx
from transformers.safetensors_conversion import auto_conversion
if sys.argv[1] == "outside":
    httpx.post("https://safetensors-convert.hf.space/gradio_api/call/run", json={})
else:
    auto_conversion(sys.argv[1], token=sys.argv[2])
"""


@pytest.fixture
def outside():
    """Run a proxy that lets nothing through to the world and notes what it was asked for."""
    listener, asked = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(4096))

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    listener.close()


def test_a_repo_of_pickles_alone_gives_nobody_a_token(hub, settings, outside, tmp_path):
    """transformers would post it to a converter elsewhere, had it found that nobody did before."""
    File.objects.filter(path=SHARD).update(path="pytorch_model.bin")
    proxy, asked = outside
    surroundings = {
        "PATH": "",
        "HOME": str(tmp_path),
        "HF_ENDPOINT": settings.BASE_URL,
        "HTTPS_PROXY": proxy,
    }

    def convert(*arguments):
        command = [sys.executable, "-c", CONVERT, *arguments]
        return subprocess.run(
            command, env=surroundings, capture_output=True, text=True, timeout=180, check=False
        )

    done = convert(hub.repo.full_name, hub.secret)
    assert "/discussions" in done.stderr
    assert "404" in done.stderr
    assert asked == []
    convert("outside")
    assert asked[0].startswith(b"CONNECT safetensors-convert.hf.space")
