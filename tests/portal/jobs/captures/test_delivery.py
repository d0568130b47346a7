"""A file of captures is for who made it, by a short-lived link, and for nobody else."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.delivery.errors import LinkExpired
from portal.jobs.captures.keeping import captures_of, forget_captures
from portal.jobs.captures.links import open_capture_link
from portal.jobs.hosting import hosted_model
from portal.jobs.openai.completions import Reply
from tests.factories.accounts import make_token
from tests.factories.captures import ONE, make_captured
from tests.factories.jobs import make_guest

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(200))


@pytest.fixture
def job(hosted, submit):
    submit(capture=[ONE])
    return make_captured(hosted, timezone.now(), content=CONTENT)


@pytest.fixture
def url(job):
    return f"/v1/completions/cmpl-{job.pk.hex}/captures"


@pytest.fixture
def link(client, url, key, settings):
    found = client.get(url, headers=key)
    assert found.status_code == 302
    return found["Location"].removeprefix(settings.BASE_URL)


def body_of(response):
    return b"".join(response.streaming_content)


class TestLink:
    def test_it_gives_the_bytes_whole(self, client, link, job):
        answer = client.get(link)
        assert body_of(answer) == CONTENT
        assert answer["ETag"] == f'"{captures_of(job).blob_id}"'
        assert f"cmpl-{job.pk.hex}.safetensors" in answer["Content-Disposition"]
        assert "no-store" in answer["Cache-Control"]

    def test_it_gives_ranges(self, client, link):
        answer = client.get(link, headers={"Range": "bytes=8-15"})
        assert (answer.status_code, body_of(answer)) == (206, CONTENT[8:16])
        assert answer["Content-Range"] == "bytes 8-15/200"
        stale = {"Range": "bytes=8-15", "If-Range": '"another"'}
        assert client.get(link, headers=stale).status_code == 200
        assert client.get(link, headers={"Range": "bytes=200-"}).status_code == 416

    def test_nginx_is_handed_the_file(self, client, link, settings):
        settings.X_ACCEL_PREFIX = "/_protected/"
        answer = client.get(link)
        assert answer["X-Accel-Redirect"].startswith("/_protected/")
        assert answer.content == b""

    def test_head_tells_the_size(self, client, link):
        assert client.head(link)["Content-Length"] == "200"

    def test_it_ends_soon(self, link, settings):
        signed, name = link.removeprefix("/-/d/c/").split("/")
        with pytest.raises(LinkExpired):
            open_capture_link(signed, name, now=timezone.now() + settings.LINK_TTL)

    def test_an_altered_one_is_refused(self, client, link):
        assert client.get(link.replace("/-/d/c/", "/-/d/c/x")).status_code == 403
        assert client.get(link.replace(".safetensors", ".bin")).status_code == 403

    def test_a_grant_that_ends_ends_it(self, client, link, guest, url, key):
        Grant.objects.filter(person=guest).update(expires_at=timezone.now())
        assert client.get(link).status_code == 403
        assert client.get(url, headers=key).status_code == 403

    def test_a_condition_that_comes_later_ends_it(self, client, link, guest):
        Grant.objects.filter(person=guest).update(conditions={"no_captures": True})
        assert client.get(link).status_code == 403

    def test_what_is_forgotten_is_gone(self, client, link, job, url, key):
        forget_captures([job.pk])
        assert client.get(link).status_code == 404
        gone = client.get(url, headers=key)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "captures_not_found")


class TestWho:
    def test_others_find_nothing(self, client, url, hosted):
        _, secret = make_token(make_guest(hosted), now=timezone.now())
        assert client.get(url, headers={"Authorization": f"Bearer {secret}"}).status_code == 404
        assert client.get(url).status_code == 401

    def test_a_job_without_captures_has_none(self, client, submit, key):
        job = submit()
        answer = client.get(f"/v1/completions/cmpl-{job.pk.hex}/captures", headers=key)
        assert answer.status_code == 404

    def test_each_link_is_on_record(self, link, guest, job):
        event = AuditEvent.objects.filter(type="captures.linked").get()
        assert event.actor == guest
        assert event.data["size_bytes"] == 200

    def test_the_same_file_again_costs_nothing(self, client, url, key, job):
        for _ in range(3):
            client.get(url, headers=key)
        job.refresh_from_db()
        assert job.capture_bytes == 200


class TestAnswer:
    def test_it_names_the_file_whole_and_streamed(self, job):
        reply = Reply(job, hosted_model(job.revision), {"x_weightgate": {"licence": {}}})
        whole = json.loads(reply.whole(job))["x_weightgate"]
        assert set(whole) == {"licence", "captures"}
        captures = whole["captures"]
        assert captures["url"].endswith(f"/v1/completions/cmpl-{job.pk.hex}/captures")
        assert (captures["size_bytes"], captures["sha256"]) == (200, captures_of(job).blob_id)
        assert captures["tensors"]["0.output.0"] == {"dtype": "float32", "shape": [5, 32]}
        for include_usage in (False, True):
            last = reply.last_chunk(job, include_usage=include_usage)
            assert (last["choices"], last["x_weightgate"]) == ([], whole)

    def test_without_captures_it_names_none(self, submit):
        job = submit()
        reply = Reply(job, hosted_model(job.revision), {})
        assert reply.last_chunk(job, include_usage=False) is None


class TestPage:
    def test_the_jobs_page_lists_them_with_a_link(self, client, guest, job, settings):
        client.force_login(guest)
        page = client.get(f"/playground/{job.pk}").text
        assert "0.output.0" in page
        assert f"/jobs/{job.pk}/captures" in page
        found = client.get(f"/jobs/{job.pk}/captures")
        assert found.status_code == 302
        path = found["Location"].removeprefix(settings.BASE_URL)
        assert body_of(client.get(path)) == CONTENT

    def test_others_have_no_such_page(self, client, hosted, job):
        client.force_login(make_guest(hosted))
        assert client.get(f"/jobs/{job.pk}/captures").status_code == 404
