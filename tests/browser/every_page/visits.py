"""List a visit to every page of the URLconf, each by somebody who may read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.urls import get_resolver, reverse
from django.utils import timezone

from portal.access.models import Invitation
from portal.accounts.models import User
from portal.jobs.batches.public_ids import BATCH_PREFIX, spelt
from portal.jobs.disclosure.services import ask_disclosure
from portal.site.operators.records import COLUMNS
from tests.architecture.permissions.test_permissions import (
    PAGES,
    Row,
    addresses,
    names,
    url_of,
)
from tests.browser.every_page.world import INVITED, Portal
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address

# Who visits a page, the first of these who may: first those with something of their own there.
VISITORS = (
    *("applicant", "licensee", "administrator", "reviewer", "publisher", "operator"),
    *("researcher", "anonymous"),
)
# Addresses that answer programs, in their own forms.
PROGRAMS = ("api:", "hub:", "delivery:", "jobs:models", "jobs:model")
NO_PAGES = {
    # files, pictures and answers for programs
    *(
        "favicon",
        "stylesheet",
        "robots",
        "healthz",
        "readyz",
        "metrics",
        "site:licence_text",
        "site:transparency_csv",
        "site:usage_csv",
    ),
    *("site:transparency_json", "site:record_heads", "site:manifest_key", "site:known_key"),
    *("access:certificate", "access:signing_certificate", "site:export", "site:bundle"),
    *("site:own_bundle", "site:my_data", "jobs:completions", "jobs:chat_completions"),
    *("jobs:elsewhere", "jobs:events", "jobs:tokenize", "jobs:detokenize"),
    *("jobs:files", "jobs:file", "jobs:file_content"),
    *("jobs:batches", "jobs:batch", "jobs:batch_cancel", "jobs:own_batch_file"),
    *("jobs:captures", "jobs:capture_link", "jobs:job_captures"),
    # addresses that lead to a page
    *("site:commit", "site:tree", "site:blob", "site:model_slash", "site:namespace_slash"),
    *("site:own_requests", "site:own_grants"),
    *("site:labs_slash", "site:lab_slash", "account_set_password", "account_confirm_login_code"),
    # acts, whose forms stand on pages with other addresses
    *(
        "access:answer",
        "access:appeal",
        "access:approve",
        "access:ask",
        "access:assign",
        "access:bulk_undo",
    ),
    *("access:autosave", "access:claim", "access:decline", "access:declare", "access:discard"),
    *("access:form_copy", "access:gate_chair", "access:gate_seat", "access:gate_unseat"),
    *("access:grant_model_end", "access:grant_revoke", "access:hold_lift", "access:invite"),
    *("access:invitation_again", "access:invitation_withdraw", "access:member_clear"),
    *("access:member_end", "access:note", "access:notice_back", "access:offer_decline"),
    *("access:proposal_back", "access:question_arrange", "access:release", "access:reopen"),
    *("access:revoke", "access:screening_remove", "access:second_offer", "access:undo"),
    *("access:uninvite", "access:vouch", "access:withdraw", "accounts:affiliation_renew"),
    *("accounts:affiliations_check", "accounts:cancel", "accounts:keys", "accounts:resend"),
    *("accounts:time_zone", "accounts:language"),
    *(
        "accounts:token_revoke",
        "jobs:stop",
        "jobs:job_cancel",
        "jobs:job_again",
        "jobs:own_batch_cancel",
        "jobs:disclosure_confirm",
        "site:ask_address",
        "site:discard_typed",
    ),
    *("site:letter_again", "site:model_name_give_up", "site:theme", "site:lab_collection_move"),
    *("site:lab_collection_remove", "site:operator_take", "site:operators_mail_again"),
}


@dataclass(frozen=True)
class Visit:
    """A page's name in the URLconf, its address, and who opens it; None for nobody signed in."""

    name: str
    path: str
    person: User | None

    def __str__(self) -> str:
        return f"{self.name} {self.path}"


def names_of_pages() -> set[str]:
    """Return the names in the URLconf that the visits have to cover."""
    names = set(addresses(get_resolver().url_patterns))
    return {name for name in names if not name.startswith(PROGRAMS)} - NO_PAGES


def visits(portal: Portal) -> list[Visit]:
    by_rows = [visit for row in PAGES if (visit := _of_row(row, portal)) is not None]
    return [*by_rows, *_of_things(portal), *_of_accounts(portal)]


def _of_row(row: Row, portal: Portal) -> Visit | None:
    """Visit a row's page as the first who may; None where it is no page to anybody."""
    readers = [role for role in VISITORS if row.expected()[role] == 200]
    if row.method != "GET" or row.name in NO_PAGES or not readers:
        return None
    person = portal.rows.people.get(readers[0])
    return Visit(row.name, url_of(row, portal.rows), person)


def _of_things(portal: Portal) -> Iterator[Visit]:
    """Visit what the rows of permissions have no thing for."""
    rows, people = portal.rows, portal.rows.people
    members, team = {"grant_id": portal.entity.pk}, people["administrator"]

    def page(view: str, person: User | None, query: str = "", **arguments: Any) -> Visit:
        return Visit(view, reverse(view, kwargs=arguments) + query, person)

    for step in ("you", "research", "licence", "check"):
        yield page("access:form", people["applicant"], request_id=portal.draft.pk, step=step)
    yield page("access:offer", portal.offer.person, grant_id=portal.offer.pk)
    yield page("access:grant", portal.entity.person, **members)
    yield page("access:members", portal.entity.person, **members)
    yield page("access:newer", rows.grant.person, grant_id=rows.grant.pk)
    yield page("access:join", portal.invited, membership_id=portal.membership.pk)
    yield page("access:check", team, screening_id=portal.check.pk)
    yield page("access:renewal", team, renewal_id=portal.renewal.pk)
    yield page("access:hold", team, hold_id=portal.hold.pk)
    yield page("access:bulk", team, query=f"?id={rows.request.pk}")
    yield page("access:bulk", team)
    yield page("jobs:job", portal.job.person, job_id=portal.job.pk)
    yield page("jobs:job", portal.job.person, job_id=portal.chat.pk)
    yield page("jobs:jobs", portal.job.person)
    yield page("jobs:jobs", portal.job.person, query="?state=queued&first=2026-01-01")
    yield page("jobs:jobs", portal.job.person, query="?first=2026-01-02&last=2026-01-02")
    for batch in portal.batches:
        yield page("jobs:own_batch", batch.person, batch_id=spelt(BATCH_PREFIX, batch.pk))
    yield page("jobs:own_batches", portal.job.person)
    disclosure = ask_disclosure(
        actor=people["operator"],
        job_id=portal.job.pk,
        reason="Abuse was reported to us.",
        now=timezone.now(),
    )
    yield page("jobs:disclosure", people["operator"], disclosure_id=disclosure.pk)
    for model in COLUMNS:
        row = f"records:{model._meta.label_lower.replace('.', '_')}_change"
        yield page(row, people["operator"], object_id=str(model._default_manager.latest("pk").pk))
    yield page("jobs:playground", portal.job.person)
    yield page("site:usage", portal.job.person)
    yield page("site:planner", None, query="?model=mt-nlg-530b&machine=8xa100-80")
    yield page("site:home", None, query="?family=OPT")
    yield page("site:demo_mail", None)
    yield page("site:model", people["publisher"], **names(rows))
    desk = portal.waits_for_consent
    yield page("site:consent", desk.publisher, commit=desk.head.commit, **names(desk))
    yield Visit("site:address_again", portal.addresses["site:address_again"], portal.bounced)
    yield Visit("access:invitation", portal.addresses["access:invitation"], None)
    own = Invitation.objects.get(email=INVITED)
    colleague = give_address(make_user(), INVITED).user
    yield page("access:own_invitation", colleague, invitation_id=own.pk)
    proved = portal.addresses["accounts:affiliation_prove"]
    yield Visit("accounts:affiliation_prove", proved, people["applicant"])


def _of_accounts(portal: Portal) -> Iterator[Visit]:
    """Visit allauth's pages, some of which a key in a letter leads to."""
    person = portal.rows.people["researcher"]
    key = EmailConfirmationHMAC(EmailAddress.objects.get(user=person)).key
    reset = {
        "uidb36": user_pk_to_url_str(person),
        "key": default_token_generator.make_token(person),
    }
    for name, visitor, arguments in (
        ("account_confirm_email", None, {"key": key}),
        ("account_reset_password_from_key", None, reset),
        ("account_reset_password_from_key_done", None, {}),
        ("account_reset_password_done", None, {}),
        ("account_inactive", None, {}),
        ("account_email_verification_sent", None, {}),
        ("account_reauthenticate", person, {}),
    ):
        yield Visit(name, reverse(name, kwargs=arguments), visitor)
