"""A lab writes its licences on pages: previewed as signers see them, then published as they are."""

from __future__ import annotations

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import Licence, LicenceVersion
from portal.catalog.services.licences import publish_licence_version
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import TERMS, make_licence, make_repo
from tests.pages import as_shown

pytestmark = pytest.mark.django_db
SENT = {
    "name": "Example Licence",
    "slug": "example",
    "version": "1.0",
    "kind": "material",
    "language": "en",
    "text": "# Example\r\n\r\nYou may study it.\r\n",
    "attribution": "Licensed under the Example Licence.",
    "may": "Study it\r\n\r\nPublish about it",
    "must": "Keep the licence with every copy",
    "must_not": "Pass the weights to anyone",
    "outputs": "Its output is yours.",
    "effective_on": "",
    "rows": "3",
    "tick-0-text": "The work is noncommercial",
    "tick-1-text": "No military use",
    "tick-1-code": "no_military",
    "tick-1-prohibited": "on",
}
NEW = "/labs/lab/licences/new"


@pytest.fixture
def publisher():
    return make_user("ada")


@pytest.fixture
def lab(publisher):
    return make_lab("lab", publisher=publisher)


@pytest.fixture
def page(client, publisher, lab):
    client.force_login(publisher)
    return client


@pytest.fixture
def licence(publisher, lab):
    """Make a licence of the lab, in force."""
    return publish_licence_version(
        actor=publisher,
        slug="example",
        name="Example Licence",
        namespace=lab.name,
        version="1.0",
        text="You may study it.\n\nNo more.\n",
        attribution="Under the Example Licence.",
        terms=TERMS,
        now=LONG_AGO,
    ).licence


def publish(page, url, sent, **how):
    """Press Publish below the preview of what is sent, as its page does."""
    digest = page.post(url, {**sent, "act": "preview"}).context["digest"]
    return page.post(url, {**sent, "act": "publish", "previewed": digest}, **how)


def test_a_preview_is_the_signing_step_and_publishes_nothing(page):
    shown = as_shown(page.post(NEW, {**SENT, "act": "preview"}).text)
    assert "The text you sign" in shown
    assert "The work is noncommercial" in shown
    assert "Licensed under the Example Licence." in shown
    assert "Its output is yours." in shown
    assert "No model stands under this licence yet" in shown
    assert "Publish Example Licence 1.0" in shown
    assert not Licence.objects.exists()


def test_it_is_published_without_a_line_of_json(page, lab):
    assert publish(page, NEW, SENT).url == "/labs/lab/licences"
    version = LicenceVersion.objects.get()
    assert version.licence.namespace == lab
    assert version.text == "# Example\n\nYou may study it.\n"
    assert version.terms == {
        "may": ["Study it", "Publish about it"],
        "must": ["Keep the licence with every copy"],
        "must_not": ["Pass the weights to anyone"],
        "outputs": "Its output is yours.",
        "attestations": [
            {"code": "the_work_is_noncommercial", "text": "The work is noncommercial", "help": ""},
            {"code": "no_military", "text": "No military use", "help": ""},
        ],
        "prohibited": ["no_military"],
    }
    assert AuditEvent.objects.filter(type="licence.published").count() == 1
    assert "Example Licence" in page.get("/labs/lab/licences").text


WRONG = [
    ({"name": ""}, "Give the licence a name"),
    ({"slug": "two words"}, "letters, digits and hyphens"),
    ({"version": "1 0"}, "such as 1.1"),
    ({"text": " "}, "Give the whole text"),
    ({"attribution": ""}, "Give the notice"),
    ({"effective_on": "soon"}, "In force from: give a day"),
    ({"effective_on": "2020-01-01"}, "before it is published"),
    ({"tick-2-text": "No military use"}, "Another statement has this text"),
    (
        {"tick-2-text": "None at all", "tick-2-code": "no_military"},
        "Another statement has this code",
    ),
    ({"tick-2-code": "No!", "tick-2-text": "More"}, "Write the code in a-z, 0-9 and _"),
    ({"tick-2-help": "Of what?"}, "Write the statement"),
]


def test_what_is_wrong_is_said_and_nothing_is_published(page):
    for changed, said in WRONG:
        refused = page.post(NEW, {**SENT, **changed, "act": "publish"})
        assert refused.status_code == 422, changed
        assert said in refused.text
        assert not LicenceVersion.objects.exists(), changed


@pytest.mark.parametrize(
    "changed", [{"text": "Anything goes."}, {"tick-1-prohibited": ""}, {"version": "1.1"}]
)
def test_what_differs_from_its_preview_is_not_published_but_shown_anew(page, changed):
    digest = page.post(NEW, {**SENT, "act": "preview"}).context["digest"]
    sent = {**SENT, **changed, "previewed": digest}
    refused = page.post(NEW, {**sent, "act": "publish"})
    assert refused.status_code == 422
    assert "This isn’t what the preview showed" in as_shown(refused.text)
    assert f'name="previewed" value="{digest}"' not in refused.text
    assert not LicenceVersion.objects.exists()
    shown = refused.context["digest"]
    assert page.post(NEW, {**sent, "previewed": shown, "act": "publish"}).status_code == 302


def test_what_was_never_previewed_is_previewed_first(page):
    refused = page.post(NEW, {**SENT, "act": "publish"})
    assert "Look at the preview, then publish" in as_shown(refused.text)
    assert not LicenceVersion.objects.exists()


def test_the_preview_is_where_the_page_opens_and_a_first_version_changes_nothing(page, licence):
    shown = page.get(NEW).text
    assert 'value="preview" formaction="#does"' in shown
    assert "Editorial" not in shown
    assert 'id="does"' in page.post(NEW, {**SENT, "slug": "b", "act": "preview"}).text
    assert "Editorial" in page.get("/labs/lab/licences/example/new").text


def test_more_statements_are_asked_for_without_a_script(page):
    more = page.post(NEW, {**SENT, "act": "more"})
    assert "Statement 6" in more.text
    assert "No military use" in more.text
    assert "need your attention" not in more.text


def test_a_new_version_begins_with_the_one_before_and_says_whom_it_meets(page, lab, licence):
    repo = make_repo("opt", namespace=lab, licence=licence)
    make_grant(repo)
    make_request(repo)
    url = "/labs/lab/licences/example/new"
    form = page.get(url).context["form"]
    assert form["text"].value() == "You may study it.\n\nNo more.\n"
    sent = {**SENT, "version": "1.1", "text": "You may study it.\n\nA little more.\n"}
    shown = as_shown(page.post(url, {**sent, "act": "preview"}).text)
    assert "1 model stands under this licence" in shown
    assert "1 grant: the text that was signed governs" in shown
    assert "1 request waiting, signed under the text before" in shown
    assert "<del>No more.</del>" in shown
    assert "<ins>A little more.</ins>" in shown
    told = as_shown(publish(page, url, sent, follow=True).text)
    assert "Example Licence 1.1 is published." in told
    assert "1 grant: the text that was signed governs" in told


def test_a_version_or_a_text_that_is_published_is_refused_beside_its_field(page, licence):
    url = "/labs/lab/licences/example/new"
    refused = page.post(url, {**SENT, "version": "1.0", "act": "publish"})
    assert "never changes" in refused.context["form"].errors["version"][0]
    refused = page.post(NEW, {**SENT, "act": "publish"})
    assert set(refused.context["form"].errors) == {"slug"}


def test_another_labs_licence_is_listed_where_it_is_used_and_offers_no_version(page, lab):
    make_repo("opt", namespace=lab, licence=make_licence().licence)
    shown = page.get("/labs/lab/licences").text
    assert "Noncommercial Research Licence" in shown
    assert "New version" not in shown
    assert page.get("/labs/lab/licences/noncommercial/new").status_code == 403
    assert page.get("/labs/lab/licences/none/new").status_code == 404


def test_an_empty_list_leads_on_and_a_long_one_costs_the_same(
    page, publisher, lab, django_assert_num_queries
):
    assert "Write the first licence" in page.get("/labs/lab/licences").text
    for number in range(4):
        publish_licence_version(
            actor=publisher,
            slug=f"l-{number}",
            namespace=lab.name,
            version="1",
            text=f"Text {number}.",
            attribution="Under it.",
            now=LONG_AGO,
        )
    with django_assert_num_queries(12):
        page.get("/labs/lab/licences")
