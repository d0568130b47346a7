"""The six steps of a request's form, and how far a draft has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.errors import LicenceChanged
from portal.access.models import AccessRequest, RequestForm
from portal.access.requests.asked_models import models_to_choose
from portal.access.requests.form.builder import StepForm
from portal.access.requests.form.forms import AccessForm, OrganizationForm, ResearchForm, YouForm
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.access.requests.signing import Signature, check_signature
from portal.access.requests.texts_to_sign import texts_to_sign
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.errors import FieldErrors
from portal.text.languages import Words


@dataclass(frozen=True)
class WizardStep:
    """A page of the form; without a ``form`` it asks nothing that a draft answers."""

    slug: str
    label: Words
    title: Words
    hint: Words
    form: type[StepForm] | None = None


STEPS = (
    WizardStep(
        "you",
        _("About you"),
        _("About you"),
        _("The person who asks is the person who is bound. Nobody can ask for someone else."),
        YouForm,
    ),
    WizardStep(
        "organization",
        _("Your organization"),
        _("Your organization"),
        _("Where the work is done. An e-mail address there is the easiest proof."),
        OrganizationForm,
    ),
    WizardStep(
        "research",
        _("Your research"),
        _("Your research"),
        _("Reviewers read this first. Plain sentences are best; there are no magic words."),
        ResearchForm,
    ),
    WizardStep(
        "access",
        _("Access and compute"),
        _("Access and compute"),
        _("Ask for what you need. More can be asked for later."),
        AccessForm,
    ),
    WizardStep(
        "licence",
        _("Sign the licence"),
        _("Sign the licence"),
        _(
            "You sign now, so that access can open the moment the team says yes. "
            "If they say no, the signature opens nothing that they decide on."
        ),
    ),
    WizardStep(
        "check",
        _("Check and submit"),
        _("Check, then submit"),
        _("This is exactly what the reviewers will see. It is kept as submitted."),
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
    models: Sequence[ModelRepo] | None = None,
) -> StepForm:
    """Return a step's form with the lab's questions in the version ``request_form``.

    It is filled with ``answers``, or with the draft where none are passed. ``models``: what
    ``models_to_choose`` returned, where the caller has it.
    """
    if step.form is None:
        raise LookupError(f"{step.slug} has no answers")
    return step.form(
        data,
        repo=access_request.repo,
        questions=lab_questions(request_form),
        answers=access_request.draft if answers is None else answers,
        models=models_to_choose(access_request) if models is None else models,
    )


def step_forms(
    access_request: AccessRequest,
    data: Mapping[str, Any] | None = None,
    *,
    request_form: RequestForm | None,
    answers: Mapping[str, Any] | None = None,
) -> dict[WizardStep, StepForm]:
    """Return the form of every step that has one, as ``step_form`` builds it."""
    models = models_to_choose(access_request)
    return {
        step: step_form(
            step, access_request, data, request_form=request_form, answers=answers, models=models
        )
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
    """Tell if the draft has a signature under every text that is in force for it today."""
    return all(
        text.standing or signature_in_draft(access_request, text.version, ip=None)
        for text in texts_to_sign(access_request, now)
    )


def signature_in_draft(
    access_request: AccessRequest, version: LicenceVersion, *, ip: str | None
) -> Signature | None:
    """Return the draft's signature of a text as made from this IP address, if it is complete."""
    for signature in stored_signatures(access_request.draft, ip=ip):
        try:
            check_signature(access_request.applicant, version, signature)
        except (FieldErrors, LicenceChanged):
            continue
        return signature
    return None


def stored_signatures(draft: Mapping[str, Any], *, ip: str | None) -> list[Signature]:
    """Return a draft's signatures as made from this IP address."""
    return [
        Signature(
            text_sha256=stored["text_sha256"],
            typed_name=stored["typed_name"],
            capacity=stored["capacity"],
            entity=stored["entity"],
            attestations=frozenset(stored["attestations"]),
            ip=ip,
        )
        for stored in signatures_as_stored(draft)
    ]


def signatures_as_stored(draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the signatures that a draft keeps; drafts of earlier versions keep one by itself."""
    stored = draft.get("signature") or []
    return [stored] if isinstance(stored, dict) else stored


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
