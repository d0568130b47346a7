"""Lists ask the database as often for fifty rows as for five."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.access.holds.holds import place_hold
from portal.access.models import AccessRequest, Note, RequestForm
from portal.access.screening.lists import import_entries
from portal.accounts.models import Organization, Reference
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator
from tests.portal.api.api_calls import in_session

pytestmark = pytest.mark.django_db
Fill = Callable[[int], None]


def copies(row: Any, number: int, **changed: Callable[[int], Any]) -> None:
    """More rows like one, without the services that make one in life."""
    fields = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and not getattr(field, "generated", False)
    }
    type(row).objects.bulk_create(
        type(row)(**{**fields, **{name: make(at) for name, make in changed.items()}})
        for at in range(number)
    )


def requests() -> tuple[Any, str, Fill]:
    person = make_user()
    row = make_draft(make_repo(), person)
    AccessRequest.objects.filter(pk=row.pk).update(
        state="withdrawn", submitted_at=row.created_at, due_at=row.created_at,
        closed_at=row.created_at,
    )  # fmt: skip
    row.refresh_from_db()
    return person, "requests", lambda number: copies(row, number)


def grants() -> tuple[Any, str, Fill]:
    row = make_grant(make_repo(), now=timezone.now() - timedelta(days=1))
    return row.person, "grants", lambda number: copies(row, number, decision_id=lambda at: None)


def granted() -> tuple[Any, str, Fill]:
    row = make_grant(make_repo(), now=timezone.now() - timedelta(days=1))
    path = f"models/{row.repo.full_name}/grants"
    fill = lambda number: copies(row, number, decision_id=lambda at: None)  # noqa: E731
    return make_administrator(row.repo), path, fill


def notes() -> tuple[Any, str, Fill]:
    repo = make_repo()
    case, reviewer = make_request(repo), make_reviewer(repo)
    row = Note.objects.create(
        request=case, author=reviewer, text="A note", written_at=timezone.now()
    )
    return reviewer, f"queue/{case.pk}/notes", lambda number: copies(row, number)


def letters() -> tuple[Any, str, Fill]:
    case = make_request(make_repo())
    row = OutboxMessage.objects.filter(recipient=case.applicant).first()
    return (
        case.applicant,
        "letters",
        lambda number: copies(row, number, key=lambda at: f"copy-{number}-{at}"),
    )


def signatures() -> tuple[Any, str, Fill]:
    case = make_request(make_repo())
    row = case.submissions.get().acceptance
    return case.applicant, "signatures", lambda number: copies(row, number)


def holds() -> tuple[Any, str, Fill]:
    repo = make_repo()
    head = make_administrator(repo)

    def fill(number: int) -> None:
        for _ in range(number):
            place_hold(
                actor=head,
                scope="person",
                subject_id=make_user().pk,
                repo_id=repo.pk,
                reason="Looked into",
                now=timezone.now(),
            )

    return head, "holds", fill


def forms() -> tuple[Any, str, Fill]:
    repo = make_repo()
    head = make_administrator(repo)

    def fill(number: int) -> None:
        first = RequestForm.objects.filter(repo=repo).count() + 1
        RequestForm.objects.bulk_create(
            RequestForm(
                repo=repo, version=at, fields=[], created_by=head, created_at=timezone.now()
            )
            for at in range(first, first + number)
        )

    return head, f"models/{repo.full_name}/forms", fill


def screening() -> tuple[Any, str, Fill]:
    person = make_user(superuser=True)

    def fill(number: int) -> None:
        lines = "\n".join(f"domain,n{number}-{at}.example," for at in range(number))
        import_entries(actor=person, lines=lines, now=timezone.now())

    return person, "screening", fill


def organizations() -> tuple[Any, str, Fill]:
    def fill(number: int) -> None:
        Organization.objects.bulk_create(
            Organization(name="Example", ror_id=f"0{number:04d}{at:04d}", created_at=timezone.now())
            for at in range(number)
        )

    return make_user(), "organizations/?q=exam", fill


def references() -> tuple[Any, str, Fill]:
    person, now = make_user(), timezone.now()

    def fill(number: int) -> None:
        Reference.objects.bulk_create(
            Reference(
                person=person,
                organization_name="Example",
                name="Head",
                email=f"n{number}-{at}@example.org",
                relation="Leads",
                secret_hash=f"{number}-{at}",
                asked_at=now,
                sent_at=now,
                expires_at=now,
            )
            for at in range(number)
        )

    return person, "references", fill


LISTS = [
    requests,
    grants,
    granted,
    notes,
    letters,
    signatures,
    holds,
    forms,
    screening,
    organizations,
    references,
]


def queries(api: Any, path: str) -> tuple[int, int]:
    url = f"/api/v1/{path}" if "?" in path else path
    with CaptureQueriesContext(connection) as caught:
        response = api.get(url)
    assert response.status_code == 200, response.content
    return len(caught), len(response.json()["results"])


@pytest.mark.parametrize("made", LISTS, ids=lambda each: each.__name__)
def test_fifty_rows_cost_what_five_cost(made):
    person, path, fill = made()
    api = in_session(person)
    fill(5)
    few, rows = queries(api, path)
    assert rows >= 5
    fill(45)
    many, rows = queries(api, path)
    assert rows == 50
    assert few == many


def test_a_long_queue_costs_what_a_short_one_costs():
    repo = make_repo()
    reviewer, _ = make_reviewer(repo), make_request(repo)
    api = in_session(reviewer)

    def fill(number: int) -> None:
        for _ in range(number):
            make_request(repo)

    fill(4)
    few, rows = queries(api, "queue")
    assert rows == 5
    fill(20)
    many, rows = queries(api, "queue")
    assert rows == 25
    assert few == many
