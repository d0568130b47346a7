"""Files are uploaded, listed, read and deleted by the openai client, each by its owner alone."""

from __future__ import annotations

import openai
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from portal.accounts.models import Scope
from portal.jobs.batches import contents
from portal.jobs.models import StoredFile, StoredPart
from tests.factories.accounts import make_token, make_user
from tests.factories.batches import make_file
from tests.factories.catalog import make_repo

BODY = b'{"custom_id": "a"}\n' * 3


@pytest.fixture
def connect(live_server):
    def client(person):
        _, key = make_token(person, now=timezone.now())
        return openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=key, max_retries=0)

    return client


@pytest.fixture
def owner(db):
    return make_user()


@pytest.fixture
def ask(client, owner):
    headers = {"Authorization": f"Bearer {make_token(owner, now=timezone.now())[1]}"}

    def send(method, path, status=200, **more):
        response = getattr(client, method)(f"/v1/files{path}", headers=headers, **more)
        assert response.status_code == status, response.content
        return response.json() if status == 200 else response.json()["error"]

    return send


def stored(person, body=BODY):
    return make_file(person, body, now=timezone.now())


@pytest.mark.clients
def test_the_openai_client_uploads_lists_reads_and_deletes(connect):
    owner, stranger = make_user(), make_user()
    files, theirs = connect(owner).files, connect(stranger).files
    large = bytes(range(256)) * 4096 * 2 + b"end"  # more than two parts, of any bytes
    made = [files.create(file=("in.jsonl", BODY), purpose="batch") for _ in range(4)]
    made.append(files.create(file=("größer.jsonl", large), purpose="batch"))
    first, last = made[0], made[-1]
    assert (first.object, first.bytes, first.filename) == ("file", len(BODY), "in.jsonl")
    assert (first.purpose, first.status) == ("batch", "processed")
    assert files.content(first.id).read() == BODY
    assert files.content(last.id).read() == large
    assert files.retrieve(last.id) == last
    newest_first = [file.id for file in reversed(made)]
    assert [file.id for file in files.list(limit=2)] == newest_first
    assert [file.id for file in files.list(order="asc", purpose="batch")] == newest_first[::-1]
    assert list(files.list(purpose="batch_output")) == list(theirs.list()) == []
    for act in (theirs.retrieve, theirs.content, theirs.delete):
        with pytest.raises(openai.NotFoundError) as unknown:
            act(first.id)
        assert unknown.value.code == "file_not_found"
    assert files.delete(first.id).deleted
    with pytest.raises(openai.NotFoundError):
        files.retrieve(first.id)
    assert len(list(files.list())) == 4


def test_a_bad_upload_is_refused_and_nothing_is_kept(ask, settings):
    settings.FILE_BYTES = 100
    file = SimpleUploadedFile("in.jsonl", b"x" * 100)
    large = SimpleUploadedFile("in.jsonl", b"x" * 101)
    bad = [
        ({"file": file}, 400, "purpose"),
        ({"file": file, "purpose": "fine-tune"}, 400, "purpose"),
        ({"purpose": "batch"}, 400, "file"),
        ({"purpose": "batch", "file": "text"}, 400, "file"),
        ({"purpose": "batch", "file": SimpleUploadedFile("empty", b"")}, 400, "file"),
        ({"purpose": "batch", "file": large}, 413, "file"),
        ({"purpose": "batch", "file": SimpleUploadedFile("x", b"x" * 200_000)}, 413, "file"),
        ({"purpose": "batch", "file": file, "expires_after[seconds]": 1}, 400, "expires_after"),
    ]
    for form, status, field in bad:
        file.seek(0)
        assert ask("post", "", status, data=form)["param"] == field, form
    for body, kind in ((b"{}", "application/json"), (b"x", "multipart/form-data; boundary=")):
        ask("post", "", 400, data=body, content_type=kind)
    assert not StoredFile.objects.exists()
    assert not StoredPart.objects.exists()


def test_a_persons_files_have_so_many_bytes_together(ask, settings, owner):
    settings.FILE_BYTES_PER_PERSON = 2 * len(BODY)
    form = {"purpose": "batch"}
    for _ in range(2):
        kept = ask("post", "", data={**form, "file": SimpleUploadedFile("x", BODY)})
    refused = ask("post", "", 400, data={**form, "file": SimpleUploadedFile("x", BODY)})
    assert "Delete some" in refused["message"]
    stored(make_user())
    ask("delete", f"/{kept['id']}")
    ask("post", "", data={**form, "file": SimpleUploadedFile("x", BODY)})


def test_a_list_says_what_is_wrong_with_its_bounds(ask):
    for query, field in {
        "limit=0": "limit",
        "limit=1001": "limit",
        "limit=x": "limit",
        "order=up": "order",
        "purpose=assistants": "purpose",
        "after=file-0": "after",
        f"after=file-{'0' * 32}": "after",
    }.items():
        assert ask("get", f"?{query}", 400)["param"] == field
    assert ask("get", "") == {"object": "list", "data": [], "has_more": False}


def test_an_odd_id_is_no_file(ask):
    for name in ("x", "file-", f"file-{'g' * 32}", f"batch_{'0' * 32}"):
        assert ask("get", f"/{name}", 404)["code"] == "file_not_found"


def test_a_token_sees_files_by_what_it_is_for(client, owner, now):
    """One for other things sees none, and one for some models what came by it."""
    own = stored(owner)
    repo = make_repo()
    narrow, secret = make_token(owner, repo_ids=[repo.pk], now=timezone.now())
    by_it = make_file(owner, BODY, now=timezone.now(), token=narrow)
    _, everything = make_token(owner, now=timezone.now())
    _, other = make_token(owner, Scope.DOWNLOAD, now=timezone.now())

    def seen(key, path="/v1/files"):
        return client.get(path, headers={"Authorization": f"Bearer {key}"})

    listed = seen(secret).json()["data"]
    assert [file["id"] for file in listed] == [f"file-{by_it.pk.hex}"]
    assert seen(secret, f"/v1/files/file-{own.pk.hex}/content").status_code == 404
    assert len(seen(everything).json()["data"]) == 2
    for path in ("/v1/files", "/v1/batches", f"/v1/files/file-{own.pk.hex}/content"):
        assert seen(other, path).status_code == 403
        assert "infer" in seen(other, path).json()["error"]["message"]


def test_a_listing_takes_few_queries(ask, owner, django_assert_max_num_queries):
    for _ in range(3):
        stored(owner)
    with django_assert_max_num_queries(4):
        assert len(ask("get", "")["data"]) == 3


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_lines_are_read_across_parts_and_cut_where_they_are_too_long(owner, monkeypatch, size):
    monkeypatch.setattr(contents, "PART_BYTES", size)
    file = stored(owner, b"one\n\ntwo and more\r\nlast")
    assert list(contents.lines(file, most_bytes=5)) == [b"one", b"", b"two an"[:6], b"last"]


@pytest.mark.parametrize(("days", "words"), [(7, "7 days"), (1, "1 day"), (0, "1 day")])
def test_a_refused_expiry_says_how_long_files_are_kept_here(ask, settings, days, words):
    settings.PROMPT_DAYS = days
    file = SimpleUploadedFile("x.jsonl", b"{}")
    form = {"purpose": "batch", "file": file, "expires_after[seconds]": 1}
    message = ask("post", "", 400, data=form)["message"]
    assert f"Files are kept for {words}, or until you delete them." in message
