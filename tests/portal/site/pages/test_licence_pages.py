"""A licence's versions side by side: what each says, asks, and how two of them differ."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.catalog.services.licences import publish_licence_version
from portal.site.licence_changes import changes
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import TERMS

pytestmark = pytest.mark.django_db
OLD = "# Sample\n\nYou may study\nit.\n\n## 2\n\nNo <war>.\n\nThe end.\n"
NEW = "# Sample\n\nYou may study it.\n\n## 2\n\nNo <war>, nor arms.\n\nBe kind.\n\nThe end.\n"


@pytest.fixture
def publish():
    operator = make_user(superuser=True)

    def publish(version, text, *, days=0, **changed):
        fields = {"attribution": "Under the Sample Licence.", "terms": TERMS, **changed}
        return publish_licence_version(
            actor=operator,
            slug="sample",
            name="Sample Licence",
            version=version,
            text=text,
            now=LONG_AGO + timedelta(days=days),
            **fields,
        )

    return publish


def test_the_page_lists_every_version_and_what_each_asks(client, publish):
    old = publish("1.0", OLD)
    more = {"code": "no_arms", "text": "No arms", "help": ""}
    new = publish(
        "1.1",
        NEW,
        days=1,
        kind="editorial",
        terms={**TERMS, "attestations": [*TERMS["attestations"], more]},
    )
    page = client.get("/licences/sample/1.0").text
    assert "A newer version binds only those who sign it" in page
    for version in (old, new):
        assert version.sha256[:8] in page
        assert f'href="{version.path}"' in page
    assert "editorial" in page
    assert "The work is noncommercial" in page
    assert "/licences/sample/1.0/changes/1.1" in page
    assert "1.1 is the current version" in page


@pytest.mark.parametrize("url", ["1.0/changes/1.1", "1.1/changes/1.0"])
def test_changed_paragraphs_are_shown_in_either_order(client, publish, url):
    publish("1.0", OLD)
    more = {"code": "no_arms", "text": "No arms", "help": ""}
    publish("1.1", NEW, days=1, terms={**TERMS, "attestations": [more]})
    page = client.get(f"/licences/sample/{url}").text
    assert "From 1.0 to 1.1" in page
    assert "<del>No &lt;war&gt;.</del>" in page
    assert "<ins>No &lt;war&gt;, nor arms.</ins>" in page
    assert "<ins>Be kind.</ins>" in page
    assert "3 paragraphs unchanged" in page
    assert "You may study it" not in page
    assert "<ins>No arms</ins>" in page
    assert "<del>No military use</del>" in page


def test_line_ends_alone_are_told_as_such(client, publish):
    publish("1.0", OLD)
    publish("1.1", OLD.replace("\n", "\r\n"), days=1)
    assert "no word does" in client.get("/licences/sample/1.0/changes/1.1").text
    assert "byte for byte" in client.get("/licences/sample/1.0/changes/1.0").text


def test_what_is_not_there_is_not_found(client, publish):
    publish("1.0", OLD)
    for url in ("1.0/changes/9", "9/changes/1.0", "9"):
        assert client.get(f"/licences/sample/{url}").status_code == 404


def test_a_long_list_has_pages_and_few_queries(client, publish, django_assert_max_num_queries):
    for number in range(23):
        publish(f"1.{number}", f"Text {number}.\n", days=number)
    with django_assert_max_num_queries(6):
        page = client.get("/licences/sample/1.0").text
    assert page.count("/changes/") == 20
    assert client.get("/licences/sample/1.0?page=2").text.count("/changes/") == 2


def test_the_same_text_has_no_changes():
    assert changes(OLD, OLD) == ([], 5)


def test_one_that_comes_later_says_so(client, publish):
    later = publish("1.0", OLD, effective_at=LONG_AGO + timedelta(days=40_000))
    assert "not yet" in client.get(later.path).text
