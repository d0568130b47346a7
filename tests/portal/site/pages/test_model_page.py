"""A model's page: what it says to whom, and the one next act."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.review.asking import ask_question
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_folder, make_repo, make_reviewer, make_revision
from tests.factories.grants import make_administrator, make_offer

pytestmark = pytest.mark.django_db


def page_of(client, repo, query="") -> str:
    page = client.get(f"/{repo.full_name}{query}")
    assert page.status_code == 200
    return page.content.decode()


def act_on(client, repo):
    return client.get(f"/{repo.full_name}").context["gate"].notice.act


def test_it_shows_card_files_licence_commands_and_logbook(client, tmp_path, settings):
    repo = make_repo("opt-small", hosted=True)
    revision = make_revision(repo, tmp_path / "release")
    page = page_of(client, repo)
    assert "It completes text." in page
    assert "model-00001-of-00002.safetensors" in page
    assert revision.commit in page
    assert "You may study it." in page
    assert f"HF_ENDPOINT=<b>{settings.BASE_URL}</b>" in page
    assert f"hf download {repo.full_name}" in page
    assert f"{settings.BASE_URL}/v1" in page
    assert "Run 1.1 restarted by itself" in page
    assert "Crash: lost GPU" in page
    for file in revision.files.all():
        assert file.blob.sha256 in page


def test_without_a_revision_it_is_honest(client):
    page = page_of(client, make_repo())
    assert "Nothing is published here yet" in page
    assert "Logbook" not in page


def test_only_what_one_may_read_is_a_link(client, tmp_path):
    repo = make_repo()
    make_revision(repo, tmp_path / "release")
    shard = "model-00001-of-00002.safetensors"
    page = page_of(client, repo)
    assert f'{shard}"' not in page
    assert '/README.md"' in page
    client.force_login(make_grant(repo, now=timezone.now()).person)
    assert f'/{shard}"' in page_of(client, repo)


def test_a_revision_is_chosen_by_name(client, tmp_path):
    repo = make_repo()
    first = make_revision(repo, tmp_path / "one")
    folder = make_folder(tmp_path / "two", **{"README.md": "# Second\n"})
    second = make_revision(repo, folder, title="Second", now=timezone.now())
    assert ">Second</a></h2>" in page_of(client, repo)
    assert "It completes text." in page_of(client, repo, f"?revision={first.commit}")
    assert second.commit in page_of(client, repo, "?revision=main")
    assert client.get(f"/{repo.full_name}?revision=nowhere").status_code == 404


def test_another_spelling_leads_to_the_right_one(client):
    repo = make_repo("Opt-Small")
    response = client.get(f"/{repo.full_name.lower()}")
    assert response["Location"] == f"/{repo.full_name}"


def test_a_private_repo_is_not_there_for_strangers(client):
    repo = make_repo(private=True)
    assert client.get(f"/{repo.full_name}").status_code == 404
    client.force_login(make_user())
    assert client.get(f"/{repo.full_name}").status_code == 404
    client.force_login(make_reviewer(repo))
    assert client.get(f"/{repo.full_name}").status_code == 200


def test_an_absent_repo_is_the_same_404(client):
    page = client.get("/nobody/nothing")
    assert page.status_code == 404
    assert "nothing you may know of" in page.content.decode()


def test_strangers_sign_in_and_come_back(client):
    repo = make_repo()
    act = act_on(client, repo)
    assert act.label == "Sign in"
    assert act.url.endswith(f"next=%2F{repo.full_name.replace('/', '%2F')}")


def test_a_newcomer_requests_then_continues_then_looks(client):
    repo, person = make_repo(), make_user()
    client.force_login(person)
    assert act_on(client, repo).label == "Request access"
    assert "an answer is due by" in page_of(client, repo)
    make_draft(repo, person)
    assert act_on(client, repo).label == "Continue"
    request = make_request(repo, person, now=timezone.now())
    assert act_on(client, repo).label == "See your request"
    assert act_on(client, repo).url == f"/requests/{request.pk}"
    reviewer = make_reviewer(repo)
    ask_question(reviewer=reviewer, request_id=request.pk, text="Which?", now=timezone.now())
    assert act_on(client, repo).label == "Answer it"


def test_a_licence_gate_asks_for_a_signature(client):
    repo = make_repo(gate="licence")
    client.force_login(make_user())
    assert act_on(client, repo).label == "Read and sign"


def test_with_a_grant_comes_a_token_and_the_playground(client):
    repo = make_repo(hosted=True)
    client.force_login(make_grant(repo, now=timezone.now()).person)
    notice = client.get(f"/{repo.full_name}").context["gate"].notice
    assert (notice.act.label, notice.other.label) == (
        "Make a token",
        "Try it in the playground",
    )


def test_an_ended_grant_is_renewed(client):
    repo = make_repo()
    grant = make_grant(repo, now=timezone.now() - timedelta(days=40), days=30)
    client.force_login(grant.person)
    assert act_on(client, repo).label == "Renew access"


def test_an_offer_of_hosted_use_alone_leads_to_its_terms(client):
    repo = make_repo(hosted=True)
    offer = make_offer(repo, modes=("inference",), now=timezone.now())
    client.force_login(offer.person)
    assert act_on(client, repo).url == f"/grants/{offer.pk}/offer"


def test_hosted_use_alone_leads_to_the_playground(client):
    repo = make_repo(hosted=True)
    grant = make_grant(repo, now=timezone.now(), modes=("inference",))
    client.force_login(grant.person)
    second = client.get(f"/{repo.full_name}").context["gate"].notice.other
    assert second.label == "Try it in the playground"


def test_an_open_model_needs_nobody(client):
    assert act_on(client, make_repo(gate="open")).label == "Download it"


def test_reviewers_find_their_queue(client):
    repo = make_repo()
    client.force_login(make_reviewer(repo))
    page = page_of(client, repo)
    assert 'href="/queue">Queue</a>' in page
    assert f'href="/grants/of/{repo.full_name}">Grants</a>' in page
    assert f"/gates/{repo.full_name}" not in page


def test_who_administers_a_model_finds_its_gate(client):
    repo = make_repo()
    client.force_login(make_administrator(repo))
    page = page_of(client, repo)
    for place in ("", "/form", "/letters"):
        assert f'href="/gates/{repo.full_name}{place}"' in page
    assert f'href="/exports/{repo.full_name}"' in page
    assert 'href="/holds"' in page


def test_the_licence_has_its_page_and_its_bytes(client):
    version = make_repo().licence.versions.get()
    page = client.get("/licences/noncommercial/1.0").content.decode()
    assert version.sha256 in page
    assert version.attribution in page
    plain = client.get("/licences/noncommercial/1.0.txt")
    assert plain["Content-Type"] == "text/plain; charset=utf-8"
    assert hashlib.sha256(plain.content).hexdigest() == version.sha256
    assert client.get("/licences/noncommercial/2.0").status_code == 404


@pytest.mark.parametrize("path", ["/api/models", "/v1/models", "/requests/new", "/inbox/none"])
def test_a_model_page_hides_no_other_page(client, path):
    assert "RepoNotFound" not in client.get(path).headers.get("X-Error-Code", "")
    match = client.get(path).resolver_match if client.get(path).status_code < 400 else None
    assert match is None or match.view_name != "site:model"


def test_a_name_in_a_lab_resolves_to_its_page():
    from django.urls import resolve

    assert resolve(f"/{make_lab('some-lab').name}/inbox").view_name == "site:model"


def test_a_cards_pictures_are_for_those_who_may_have_the_files(client, tmp_path):
    repo = make_repo()
    card = "---\nlicense: other\n---\n![The loss](images/f.png)\n"
    make_folder(tmp_path / "in", **{"README.md": card, "images/f.png": b"\x89PNG"})
    revision = make_revision(repo, tmp_path / "in")
    assert "[Picture: The loss]" in page_of(client, repo)
    client.force_login(make_grant(repo, now=timezone.now()).person)
    picture = f"/{repo.full_name}/picture/{revision.commit}/images/f.png"
    assert f'src="{picture}"' in page_of(client, repo)
    shown = client.get(picture, headers={"Sec-Fetch-Site": "same-origin"})
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
