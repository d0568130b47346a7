"""The six steps of a request's form, and how far a draft has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.access.errors import LicenceChanged
from portal.access.models import AccessRequest, RequestForm
from portal.access.requests.form.builder import StepForm
from portal.access.requests.form.forms import AccessForm, OrganizationForm, ResearchForm, YouForm
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.access.requests.signing import Signature, check_signature
from portal.catalog.services.licences import require_version_in_force
from portal.errors import FieldErrors


@dataclass(frozen=True)
class WizardStep:
    """A page of the form; without a ``form`` it asks nothing that a draft answers."""

    slug: str
    label: str
    title: str
    hint: str
    form: type[StepForm] | None = None


STEPS = (
    WizardStep(
        "you",
        "About you",
        "About you",
        "The person who asks is the person who is bound. Nobody can ask for someone else.",
        YouForm,
    ),
    WizardStep(
        "organization",
        "Your organization",
        "Your organization",
        "Where the work is done. An e-mail address there is the easiest proof.",
        OrganizationForm,
    ),
    WizardStep(
        "research",
        "Your research",
        "Your research",
        "Reviewers read this first. Plain sentences are best; there are no magic words.",
        ResearchForm,
    ),
    WizardStep(
        "access",
        "Access and compute",
        "Access and compute",
        "Ask for what you need. More can be asked for later.",
        AccessForm,
    ),
    WizardStep(
        "licence",
        "Sign the licence",
        "Sign the licence",
        "You sign now, so that access can open the moment the team says yes. "
        "If they say no, the signature has no effect.",
    ),
    WizardStep(
        "check",
        "Check and submit",
        "Check, then submit",
        "This is exactly what the reviewers will see. It is kept as submitted.",
    ),
)
STEP_BY_SLUG = {step.slug: step for step in STEPS}


@dataclass(frozen=True)
class StepProgress:
    """A step in the list beside the form."""

    step: WizardStep
    done: bool
    current: bool


def step_number(step: WizardStep) -> int:
    return STEPS.index(step) + 1


def next_step(step: WizardStep) -> WizardStep:
    return STEPS[min(step_number(step), len(STEPS) - 1)]


def previous_step(step: WizardStep) -> WizardStep | None:
    return STEPS[step_number(step) - 2] if step_number(step) > 1 else None


def step_form(
    step: WizardStep,
    access_request: AccessRequest,
    data: Mapping[str, Any] | None = None,
    *,
    request_form: RequestForm | None,
    answers: Mapping[str, Any] | None = None,
) -> StepForm:
    """Return a step's form with the lab's questions in the version ``request_form``.

    It is filled with ``answers``, or with the draft where none are passed.
    """
    if step.form is None:
        raise LookupError(f"{step.slug} has no answers")
    return step.form(
        data,
        repo=access_request.repo,
        questions=lab_questions(request_form),
        answers=access_request.draft if answers is None else answers,
    )


def step_forms(
    access_request: AccessRequest,
    data: Mapping[str, Any] | None = None,
    *,
    request_form: RequestForm | None,
    answers: Mapping[str, Any] | None = None,
) -> dict[WizardStep, StepForm]:
    """Return the form of every step that has one, as ``step_form`` builds it."""
    return {
        step: step_form(step, access_request, data, request_form=request_form, answers=answers)
        for step in STEPS
        if step.form
    }


def _validated_forms(access_request: AccessRequest) -> dict[WizardStep, StepForm]:
    """Return the forms of all steps, the draft bound to them as if it were posted now.

    A draft stores what was typed, right or wrong, and the lab may have changed its questions since.
    """
    request_form = newest_form(access_request.repo)
    return step_forms(access_request, access_request.draft, request_form=request_form)


def done_steps(access_request: AccessRequest, now: datetime) -> set[str]:
    """Return the slugs of the steps that are valid as the draft is now."""
    done = {step.slug for step, form in _validated_forms(access_request).items() if form.is_valid()}
    return done | {"licence"} if is_signed(access_request, now) else done


def progress(access_request: AccessRequest, here: WizardStep, now: datetime) -> list[StepProgress]:
    done = done_steps(access_request, now)
    return [StepProgress(step, step.slug in done, step is here) for step in STEPS]


def first_unfinished(access_request: AccessRequest, now: datetime) -> WizardStep:
    done = done_steps(access_request, now)
    return next((step for step in STEPS if step.slug not in done), STEPS[-1])


def is_signed(access_request: AccessRequest, now: datetime) -> bool:
    """Tell if the draft has a signature under the licence version that is in force today."""
    signature = stored_signature(access_request.draft, ip=None)  # the address isn't checked
    if signature is None:
        return False
    version = require_version_in_force(access_request.repo, now=now)
    try:
        check_signature(access_request.applicant, version, signature)
    except (FieldErrors, LicenceChanged):
        return False
    return True


def stored_signature(draft: Mapping[str, Any], *, ip: str | None) -> Signature | None:
    """Return a draft's signature as made from this IP address, or None if it isn't signed."""
    stored = draft.get("signature")
    if not stored:
        return None
    return Signature(
        text_sha256=stored["text_sha256"],
        typed_name=stored["typed_name"],
        capacity=stored["capacity"],
        entity=stored["entity"],
        attestations=frozenset(stored["attestations"]),
        ip=ip,
    )


def signature_as_stored(signature: Signature, *, now: datetime) -> dict[str, Any]:
    """Return a signature as a draft stores it until the request is submitted."""
    return {
        "text_sha256": signature.text_sha256,
        "typed_name": signature.typed_name,
        "capacity": signature.capacity,
        "entity": signature.entity,
        "attestations": sorted(signature.attestations),
        "signed_at": now.isoformat(timespec="seconds"),
    }


def missing_answers(access_request: AccessRequest) -> list[tuple[WizardStep, str]]:
    """Return each error of the draft with the step where it is corrected."""
    return [
        (step, str(text))
        for step, form in _validated_forms(access_request).items()
        for texts in form.errors.values()
        for text in texts
    ]
