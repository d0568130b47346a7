"""One’s own requests, from the draft to the appeal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest, RequestForm, Submission
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.requests.answering import answer_question, correct_request, resume_request
from portal.access.requests.appeals import appeal_request, appealable_until
from portal.access.requests.diffs import SnapshotChange, changes_of
from portal.access.requests.drafts import discard_draft, save_draft, start_draft
from portal.access.requests.form.questions import BASE_NAMES, lab_questions, newest_form
from portal.access.requests.submission import submit_request, withdraw_request
from portal.access.review.status import grant_of, last_decision
from portal.access.review.timeline import TimelineEvent, timeline_of
from portal.api.base.fields import SIGNATURE_EXAMPLE
from portal.api.base.operations import Call, Who, listing, operation
from portal.api.requests.serializers import (
    AnswerInput,
    AppealInput,
    ChangeOutput,
    CorrectInput,
    EventOutput,
    RequestDetailOutput,
    RequestOutput,
    SaveInput,
    SnapshotOutput,
    StartInput,
    SubmitInput,
)
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors

ANSWERS_EXAMPLE = {
    "name": "Researcher Name",
    "organization": "Example University",
    "country": "NL",
    "sector": "academia",
    "purpose": "How well is a model of this size calibrated?",
    "outputs": "A paper and its code.",
    "modes": ["download"],
    "compute": "One node of eight GPUs.",
}


def own_requests(call: Call) -> QuerySet[AccessRequest]:
    mine = AccessRequest.objects.of(call.person).select_related("repo__namespace", "applicant")
    return call.within(mine)


def own_request(call: Call, request_id: int) -> AccessRequest:
    """For anybody else there is none."""
    found = own_requests(call).filter(pk=request_id).first()
    if found is None:
        raise RequestNotFound
    return found


def with_acts(call: Call, rows: Sequence[AccessRequest]) -> Sequence[AccessRequest]:
    for each in rows:
        acts = allowed_actions(call.person, each, call.now)
        each.allowed_acts = sorted(acts)  # type: ignore[attr-defined]
    return rows


def in_full(call: Call, rows: Sequence[AccessRequest]) -> Sequence[AccessRequest]:
    """What one request’s page tells."""
    for each in with_acts(call, rows):
        newest, grant = each.submissions.last(), grant_of(each)
        each.answers = newest.answers if newest else _typed(each.draft)  # type: ignore[attr-defined]
        each.decision = last_decision(each)  # type: ignore[attr-defined]
        each.grant_id = grant.pk if grant else None  # type: ignore[attr-defined]
        each.appealable_until = appealable_until(each)  # type: ignore[attr-defined]
        each.bundle_url = _bundle(each) if newest else None  # type: ignore[attr-defined]
    return rows


def _bundle(access_request: AccessRequest) -> str:
    return settings.BASE_URL + reverse("site:own_bundle", args=[access_request.pk])


def _typed(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A signature that waits in a draft was given on a page, and is no answer."""
    return {name: value for name, value in draft.items() if name != "signature"}


def require_asked(names: Mapping[str, Any], form: RequestForm | None, *, inside: str) -> None:
    """Raise FieldErrors naming each answer to what isn’t asked, and the field that it is in."""
    asked = BASE_NAMES | {question.name for question in lab_questions(form)}
    if strange := sorted(set(names) - asked):
        errors = dict.fromkeys(strange, "This isn’t asked here. Leave it out.")
        raise FieldErrors(errors, inside=inside)


def _changes(call: Call, access_request: AccessRequest) -> dict[str, Any]:
    changes: dict[str, Any] = call.data.get("changes", {})
    newest = access_request.submissions.select_related("form").last()
    require_asked(changes, newest.form if newest else None, inside="changes")
    return changes


@listing(Who.PERSON, RequestOutput, prepare=with_acts)
def list_requests(call: Call) -> QuerySet[AccessRequest]:
    """The caller's own requests, newest first."""
    return own_requests(call)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=StartInput,
    prepare=in_full,
    status=201,
    errors=(404,),
    example={"repo": "lab/model"},
)
def start_request(call: Call) -> AccessRequest:
    """Begin a draft. Where one is open already, that one."""
    repo = find_repo(call.data["repo"], caller=call.caller)
    draft = start_draft(applicant=call.person, repo_id=repo.pk, now=call.now)
    return own_request(call, draft.pk)


@operation(Who.PERSON, gives=RequestDetailOutput, prepare=in_full, act=RequestAction.READ)
def show_request(call: Call, request_id: int) -> AccessRequest:
    """One request of one's own: answers, questions, decision, what may be done now."""
    return own_request(call, request_id)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=SaveInput,
    prepare=in_full,
    act=RequestAction.SAVE,
    example={"answers": ANSWERS_EXAMPLE},
)
def save_request(call: Call, request_id: int) -> AccessRequest:
    """Keep these answers in the draft, right or wrong; the others stay as they are."""
    found = own_request(call, request_id)
    require_asked(call.data["answers"], newest_form(found.repo), inside="answers")
    save_draft(
        applicant=call.person, request_id=found.pk, answers=call.data["answers"], now=call.now
    )
    return own_request(call, request_id)


@operation(Who.SESSION, act=RequestAction.DISCARD)
def discard_request(call: Call, request_id: int) -> None:
    """Throw a draft away; nothing of it is kept."""
    found = own_request(call, request_id)
    discard_draft(applicant=call.person, request_id=found.pk, now=call.now)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=SubmitInput,
    prepare=in_full,
    act=RequestAction.SUBMIT,
    example={"signature": SIGNATURE_EXAMPLE},
)
def submit(call: Call, request_id: int) -> AccessRequest:
    """Sign the licence in force, and put the draft before the reviewers. The draft is frozen."""
    found = own_request(call, request_id)
    submit_request(
        applicant=call.person, request_id=found.pk, signature=call.signature(), now=call.now
    )
    return own_request(call, request_id)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=AnswerInput,
    prepare=in_full,
    act=RequestAction.ANSWER,
    example={"answer": "The checkpoints stay on the cluster."},
)
def answer(call: Call, request_id: int) -> AccessRequest:
    """Answer the open question, with changes to the answers where they are wanted."""
    found = own_request(call, request_id)
    answer_question(
        applicant=call.person,
        request_id=found.pk,
        answer=call.data["answer"],
        changes=_changes(call, found),
        now=call.now,
    )
    return own_request(call, request_id)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=CorrectInput,
    prepare=in_full,
    act=RequestAction.CORRECT,
    example={"changes": {"outputs": "A paper, its code, and no checkpoints."}},
)
def correct(call: Call, request_id: int) -> AccessRequest:
    """Put right what was submitted. It makes a new snapshot; the same again makes none."""
    found = own_request(call, request_id)
    correct_request(
        applicant=call.person, request_id=found.pk, changes=_changes(call, found), now=call.now
    )
    return own_request(call, request_id)


@operation(Who.SESSION, gives=RequestDetailOutput, prepare=in_full, act=RequestAction.WITHDRAW)
def withdraw(call: Call, request_id: int) -> AccessRequest:
    """End a request that nobody has decided. One may ask again at any time."""
    found = own_request(call, request_id)
    withdraw_request(applicant=call.person, request_id=found.pk, now=call.now)
    return own_request(call, request_id)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=AnswerInput,
    prepare=in_full,
    act=RequestAction.RESUME,
    example={"answer": "The checkpoints stay on the cluster."},
)
def resume(call: Call, request_id: int) -> AccessRequest:
    """Take up a request that lapsed, with the answer that it waited for."""
    found = own_request(call, request_id)
    resume_request(
        applicant=call.person,
        request_id=found.pk,
        answer=call.data["answer"],
        changes=_changes(call, found),
        now=call.now,
    )
    return own_request(call, request_id)


@operation(
    Who.SESSION,
    gives=RequestDetailOutput,
    takes=AppealInput,
    prepare=in_full,
    act=RequestAction.APPEAL,
    example={"text": "The decision took the study for a product; it is a thesis."},
)
def appeal(call: Call, request_id: int) -> AccessRequest:
    """Ask once that people who didn't decide do."""
    found = own_request(call, request_id)
    appeal_request(applicant=call.person, request_id=found.pk, text=call.data["text"], now=call.now)
    return own_request(call, request_id)


@listing(Who.PERSON, EventOutput)
def list_events(call: Call, request_id: int) -> list[TimelineEvent]:
    """What happened to a request of one's own, newest first."""
    return timeline_of(own_request(call, request_id), reader=call.person)


@listing(Who.PERSON, SnapshotOutput)
def list_snapshots(call: Call, request_id: int) -> QuerySet[Submission]:
    """Each frozen state of the answers, oldest first."""
    return own_request(call, request_id).submissions.order_by("number")


@listing(Who.PERSON, ChangeOutput)
def list_differences(call: Call, request_id: int) -> list[SnapshotChange]:
    """Each snapshot after the first with what it changed, newest first."""
    return changes_of(own_request(call, request_id))
