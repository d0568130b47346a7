"""Operators edit the sanctions lists entry by entry, or import a file that is previewed first."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.access.models import ScreeningEntry
from portal.access.screening.lists import add_entry, import_entries, read_lines, remove_entry
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors, Forbidden
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
LINES = "kind,value,note\ncountry,kp,embargo\nperson,Given Name,\nperson,Given Name,twice\n"


@pytest.fixture
def operator():
    return make_user(superuser=True)


def standing() -> set[tuple[str, str]]:
    entries = ScreeningEntry.objects.filter(removed_at=None)
    return set(entries.values_list("kind", "value"))


def test_a_line_is_added_once_and_recorded_without_its_words(operator, now):
    for _ in range(2):
        add_entry(actor=operator, kind="domain", value="@Listed.Example", note="", now=now)
    assert standing() == {("domain", "listed.example")}
    event = AuditEvent.objects.get(type="screening.entry_added")
    assert event.data == {"kind": "domain"}


def test_removing_keeps_the_row_and_a_line_may_come_back(operator, now):
    entry = add_entry(actor=operator, kind="country", value="KP", note="", now=now)
    for _ in range(2):
        remove_entry(actor=operator, entry_id=entry.pk, now=now)
    assert standing() == set()
    assert AuditEvent.objects.filter(type="screening.entry_removed").count() == 1
    add_entry(actor=operator, kind="country", value="KP", note="", now=now)
    assert ScreeningEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "value", "part"),
    [
        ("planet", "Mars", "kind"),
        ("country", "Korea", "value"),
        ("domain", "localhost", "value"),
        ("person", " .-, ", "value"),
        ("organization", "x" * 201, "value"),
    ],
)
def test_a_line_that_could_match_nothing_or_all_is_refused(operator, now, kind, value, part):
    with pytest.raises(FieldErrors) as refused:
        add_entry(actor=operator, kind=kind, value=value, note="", now=now)
    assert list(refused.value.errors) == [part]


def test_nobody_else_keeps_them(now):
    stranger = make_user()
    with pytest.raises(Forbidden):
        add_entry(actor=stranger, kind="country", value="KP", note="", now=now)
    with pytest.raises(Forbidden):
        remove_entry(actor=stranger, entry_id=1, now=now)
    with pytest.raises(Forbidden):
        import_entries(actor=stranger, lines=LINES, now=now)


def test_a_file_is_added_once(operator, now):
    assert len(import_entries(actor=operator, lines=LINES, now=now).new) == 2
    assert standing() == {("country", "KP"), ("person", "Given Name")}
    again = import_entries(actor=operator, lines=LINES, now=now)
    assert (again.new, again.known) == ([], 3)
    event = AuditEvent.objects.get(type="screening.entries_imported")
    assert event.data["added"] == 2


def test_one_wrong_line_and_none_is_added(operator, now):
    with pytest.raises(FieldErrors) as refused:
        import_entries(actor=operator, lines=LINES + "country,Nowhere,\n", now=now)
    assert "Line 5" in refused.value.errors["lines"]
    assert standing() == set()


def test_reading_names_each_wrong_line(db):
    preview = read_lines("person\ncountry,XX\n\ndomain,a.example,ok")
    assert [number for number, _ in preview.wrong] == [1, 2]
    assert [line.value for line in preview.new] == ["a.example"]


def test_the_pages_add_search_and_remove(client, operator, now):
    client.force_login(operator)
    page = reverse("access:screening")
    client.post(page, {"kind": "person", "value": "Given Name", "note": "a list"})
    assert "Given Name" in client.get(page, {"q": "given"}).text
    assert "No lines match" in client.get(page, {"q": "nobody"}).text
    entry = ScreeningEntry.objects.get()
    client.post(reverse("access:screening_remove", args=[entry.pk]))
    assert "No lines yet" in client.get(page).text
    wrong = client.post(page, {"kind": "country", "value": "Korea"})
    assert wrong.status_code == 422
    assert "two letters" in wrong.text


def test_a_dry_run_adds_nothing(client, operator):
    client.force_login(operator)
    url = reverse("access:screening_import")
    dry = client.post(url, {"lines": LINES})
    assert "It would add 2 lines" in dry.text
    assert standing() == set()
    assert client.post(url, {"lines": LINES, "act": "add"}).status_code == 302
    assert len(standing()) == 2
    wrong = client.post(url, {"lines": "country,Korea", "act": "add"})
    assert wrong.status_code == 422


def test_the_list_costs_the_same_however_long(client, operator, now, django_assert_num_queries):
    client.force_login(operator)
    page = reverse("access:screening")
    add_entry(actor=operator, kind="person", value="First Name", note="", now=now)
    with CaptureQueriesContext(connection) as before:
        client.get(page)
    text = "".join(f"person,Name Number {number},\n" for number in range(40))
    import_entries(actor=operator, lines=text, now=now)
    with django_assert_num_queries(len(before)):
        client.get(page)
