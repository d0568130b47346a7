"""A browser that is signed in reads files as a token does: same rule, same quota, same record."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.delivery.models import Download
from tests.factories.grants import make_accepted, make_hold
from tests.portal.world import SHARD

OURS = {"Sec-Fetch-Site": "same-origin"}
TYPED = {"Sec-Fetch-Site": "none"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
def researcher(world, client):
    client.force_login(world.researcher)
    return client


@pytest.fixture
def stranger(world, client):
    client.force_login(world.stranger)
    return client


@pytest.mark.parametrize("headers", [OURS, TYPED])
def test_a_click_on_a_file_leads_to_its_bytes(world, researcher, headers):
    response = researcher.get(world.url(), headers=headers | BROWSER)
    assert response.status_code == 302
    assert not response.cookies
    served = researcher.get(urlsplit(response["Location"]).path)
    assert b"".join(served.streaming_content) == world.bytes_of()
    minted = AuditEvent.objects.get(type="link.minted")
    assert (minted.actor_id, minted.data["grant"]) == (world.researcher.pk, world.grant.pk)
    download = Download.objects.get()
    assert (download.person, download.token) == (world.researcher, None)


def test_a_page_of_ours_is_known_by_its_address_where_nothing_else_is_said(
    world, researcher, settings
):
    """Over plain HTTP, and in older browsers, there is no Sec-Fetch-Site."""
    page = f"{settings.BASE_URL}/{world.repo.full_name}"
    assert researcher.get(world.url(), headers={"Referer": page}).status_code == 302
    for origin in (f"{settings.BASE_URL}.evil.example/", "https://evil.example/", "no address"):
        assert researcher.get(world.url(), headers={"Referer": origin}).status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_can_have_nothing_sent_in_ones_name(world, researcher, settings, site):
    page = f"{settings.BASE_URL}/"
    response = researcher.get(world.url(), headers={"Sec-Fetch-Site": site, "Referer": page})
    assert response.status_code == 401
    assert response["X-Error-Code"] == "GatedRepo"
    assert not AuditEvent.objects.filter(type="link.minted").exists()


def test_who_follows_a_link_from_elsewhere_is_led_to_the_model(world, researcher):
    response = researcher.get(world.url(), headers={"Sec-Fetch-Site": "cross-site"} | BROWSER)
    assert response.status_code == 403
    page = response.content.decode()
    assert "from another site" in page
    assert f'href="/{world.repo.full_name}#files"' in page


def test_a_token_counts_before_the_session(world, researcher):
    assert researcher.get(world.url(), headers=world.stranger_bearer | OURS).status_code == 403
    bad = researcher.get(world.url(), headers={"Authorization": "Bearer wg_x"} | OURS | BROWSER)
    assert bad["X-Error-Message"] == "Invalid credentials in Authorization header"


def test_the_files_of_ones_own_private_model(world, client):
    ModelRepo.objects.update(private=True)
    owner = User.objects.filter(namespace_roles__namespace=world.repo.namespace).first()
    assert client.get(world.url(), headers=OURS | BROWSER).status_code == 404
    client.force_login(owner)
    assert client.get(world.url(), headers=OURS | BROWSER).status_code == 302


def test_the_same_rule_refuses_and_the_page_says_what_to_do_next(world, stranger, settings):
    message = stranger.get(world.url(), headers=world.stranger_bearer)["X-Error-Message"]
    response = stranger.get(world.url(), headers=OURS | BROWSER)
    assert response.status_code == 403
    assert response["Content-Type"].startswith("text/html")
    ask = reverse("access:start", args=world.repo.full_name.split("/"))
    page = response.content.decode()
    assert f"{settings.BASE_URL}{ask}" in message
    assert f'href="{ask}"' in page
    assert "you haven’t asked yet" in page


def test_a_hold_and_a_condition_bind_the_session_too(world, researcher):
    make_hold(world.researcher, world.repo, now=timezone.now())
    assert "suspended" in researcher.get(world.url(), headers=OURS | BROWSER).content.decode()


def test_the_quota_is_the_persons_not_the_tokens(world, researcher, settings):
    settings.DAILY_DOWNLOAD_GB = 1
    Download.objects.create(
        person=world.researcher,
        file=world.file(),
        revision=world.revision,
        length_bytes=2 * 10**9,
        status_code=200,
        started_at=timezone.now(),
    )
    response = researcher.get(world.url(), headers=OURS | BROWSER)
    assert response.status_code == 429
    assert response["Retry-After"]
    assert "You have fetched 1 GB today" in response.content.decode()
    assert researcher.get(world.url(), headers=OURS).headers["X-Error-Message"]


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(world, client):
    response = client.get(world.url(), headers=OURS | BROWSER)
    back = f"/accounts/login/?next=%2F{world.repo.full_name.replace('/', '%2F')}%23files"
    page = response.content.decode()
    assert response.status_code == 403
    assert back in page
    assert reverse("accounts:tokens") in page


def test_a_file_that_is_not_there_is_a_page_in_a_browser(world, researcher):
    response = researcher.get(world.url("none.bin"), headers=OURS | BROWSER)
    assert response.status_code == 404
    assert "<h1>" in response.content.decode()


def test_a_link_that_expired_is_a_page_in_a_browser(world, client):
    response = client.get("/-/d/nonsense/config.json", headers=BROWSER)
    assert response.status_code == 403
    assert "Ask for the file again" in response.content.decode()
    assert client.get("/-/d/nonsense/config.json")["Content-Type"] == "application/json"


def test_a_session_reads_files_and_nothing_else_of_the_hub(world, researcher):
    assert researcher.get("/api/whoami-v2", headers=OURS).status_code == 401
    assert researcher.post(world.url(), headers=OURS).status_code == 405


def test_each_file_is_marked_open_only_where_its_click_leads_to_bytes(world, client):
    conditions = {"files": ["*.json"]}
    grant = make_accepted(world.repo, conditions=conditions, now=timezone.now())
    client.force_login(grant.person)
    page = client.get(f"/{world.repo.full_name}").content.decode()
    for path, status in (("config.json", 302), (SHARD, 403)):
        address = world.url(path, world.revision.commit)
        assert (address in page) == (status == 302)
        assert client.get(address, headers=OURS).status_code in (status, 401)
