"""Every page is visited, costs the same however long its lists, and needs no script."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import html

from portal.accounts.models import User
from portal.jobs.serving import places
from tests.architecture.permissions.test_permissions import undone
from tests.browser.every_page.visits import Visit, names_of_pages, visits
from tests.browser.every_page.world import Portal, crowd, make_portal

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
MOST_AT_FIRST, MOST_AGAIN = 60_000, 15_000  # bytes, without headers
MOST_MORE = 3  # a pager’s count, a list that was empty before, the order of a queue of several
TAKEN = (200, 302, 303, 400, 409, 422)  # done, or refused on a page that says why
NO_SUBMITTER = "no button that sends it"
BUTTONS = (
    ".//button[not(@type='button' or @hidden)] | .//input[@type='submit'] | //button[@form='{}']"
)


@pytest.fixture
def portal(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Portal:
    settings.DEMO = True
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    # A page reads a queue once, however slowly the machine makes it.
    monkeypatch.setattr("portal.jobs.serving.places.FRESH_SECONDS", 600.0)
    return make_portal(tmp_path)


def browse(person: User | None) -> Client:
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    if person is not None:
        client.force_login(person)
    return client


def test_every_page_has_a_visit(portal: Portal) -> None:
    assert names_of_pages() - {visit.name for visit in visits(portal)} == set()


def queries_of(pages: list[Visit]) -> dict[str, int]:
    counts = {}
    for visit in pages:
        client = browse(visit.person)
        places._queues.clear()  # or a page would be spared what another one has read
        with undone(), CaptureQueriesContext(connection) as captured:
            client.get(visit.path, follow=True)
        counts[str(visit)] = len(captured)
    return counts


def test_no_page_asks_more_of_the_database_for_longer_lists(portal: Portal) -> None:
    pages = visits(portal)
    before = queries_of(pages)
    crowd(portal)
    after = queries_of(pages)
    grown = {
        page: (count, after[page])
        for page, count in before.items()
        if after[page] > count + MOST_MORE
    }
    assert grown == {}


def test_every_page_is_light_the_first_time_and_lighter_the_next(portal: Portal) -> None:
    """Count bytes as they are sent: of the page alone, and with all that it loads."""
    heavy = {}
    for visit in visits(portal):
        with undone():
            page, assets = weigh(browse(visit.person), visit.path)
        if page > MOST_AGAIN or page + assets > MOST_AT_FIRST:
            heavy[str(visit)] = (page, assets)
    assert heavy == {}


def weigh(client: Client, path: str) -> tuple[int, int]:
    """Return the bytes of a page, and of the styles, scripts and pictures that it loads."""
    packed = {"Accept-Encoding": "gzip"}
    page = client.get(path, follow=True, headers=packed)
    if page.headers.get("Content-Encoding") != "gzip":
        return len(page.content), 0
    shown = html.fromstring(gzip.decompress(page.content))
    loaded = set(shown.xpath("//link[@rel='stylesheet' or @rel='icon']/@href | //*/@src"))
    answers = [client.get(address, headers=packed) for address in loaded if address[0] == "/"]
    return len(page.content), sum(len(answer.content) for answer in answers)


def test_every_form_is_taken_without_scripts(portal: Portal) -> None:
    sent: set[tuple[str, ...]] = set()
    faults = {
        f"{visit}: {form}": fault
        for visit in visits(portal)
        for form, fault in sent_without_scripts(visit, sent)
    }
    assert faults == {}


def sent_without_scripts(
    visit: Visit, sent: set[tuple[str, ...]]
) -> Iterator[tuple[str, int | str]]:
    """Send each form of a page by each of its buttons; yield what was answered amiss."""
    client = browse(visit.person)
    page = client.get(visit.path, follow=True)
    if (page.status_code, page.get("Content-Type", "")[:9]) != (200, "text/html"):
        yield "the page itself", page.status_code
        return
    address = page.request["PATH_INFO"]
    for form in html.fromstring(page.content).forms:
        buttons = form.xpath(BUTTONS.format(form.get("id") or "-"))
        if not buttons:
            yield form.get("action") or address, NO_SUBMITTER
        for button in buttons:
            target = button.get("formaction") or form.get("action") or ""
            action = urldefrag(urljoin(address, target)).url
            key = (form.method, action, button.get("name", ""), button.get("value", ""))
            if key in sent:
                continue
            sent.add(key)
            with undone():
                code = send(client, form, action, button)
            if code not in TAKEN:
                yield f"{form.method} {action} by {button.text_content().strip()}", code


def send(client: Client, form: html.FormElement, action: str, button: html.HtmlElement) -> int:
    """Send a form as it stands, as a browser without scripts does."""
    fields: dict[str, list[str]] = {}
    pressed = [(button.get("name"), button.get("value", ""))] if button.get("name") else []
    for name, value in [*form.form_values(), *pressed]:
        fields.setdefault(name, []).append(value or "")
    if form.method == "GET":
        return client.get(action, fields).status_code
    return client.post(action, fields, headers={"Origin": "http://testserver"}).status_code
