"""Each short text that people type is a line by one rule, wherever it is typed.

What isn’t one stands below with its reason; whatever is new must choose.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from django import forms
from django.apps import apps
from django.db import models
from rest_framework import serializers

from portal.access.requests.form.questions import LONGEST_LINE
from portal.api.base.fields import SingleLineField, StrictCharField
from portal.api.base.serializers import Input
from portal.text.lines import LineField, LineInput

CHAR_FIELDS = (serializers.CharField, StrictCharField)
OURS = "ours: no person types it"
LOOKED_UP = "looked up, and refused where nothing has that name"
PATTERN = "has a narrower pattern of its own"
LABS_OWN = "the lab’s own words to its applicants, which may hold a link"
LISTS = "a line of the screening lists, which only the team reads and no letter quotes"
CHOSEN = "chosen from a list"
LOGBOOK = "of a logbook that whoever publishes the model puts beside it, shown as it is"
CARD = "of the card that whoever publishes the model wrote, shown as it is"
OF_A_PROGRAM = "a program’s own name for it, which its owner alone gets back"
IN_SERVICE = "the service names all that is wrong with a question at once, this too"
FILTER = "only searches"

COLUMNS = {
    "access.acceptance.text_language": OURS,
    "access.acceptance.text_sha256": OURS,
    "access.accessrequest.country": CHOSEN,
    "access.accessrequest.sector": CHOSEN,
    "access.requestlink.why": OURS,
    "access.review.void_reason": OURS,
    "access.screening.list_version": OURS,
    "access.screeningentry.value": LISTS,
    "accounts.accesstoken.hint": OURS,
    "accounts.accesstoken.secret_hash": OURS,
    "accounts.namespace.name": PATTERN,
    "accounts.organization.ror_id": PATTERN,
    "accounts.organizationdomain.domain": PATTERN,
    "accounts.reference.secret_hash": OURS,
    "access.invitation.secret_hash": OURS,
    "accounts.user.language": CHOSEN,
    "accounts.user.password": OURS,
    "accounts.user.username": PATTERN,
    "audit.auditevent.hash": OURS,
    "audit.auditevent.previous_hash": OURS,
    "audit.auditevent.salt": OURS,
    "audit.auditevent.target_id": OURS,
    "audit.auditevent.target_type": OURS,
    "audit.auditevent.type": OURS,
    "audit.chainhead.hash": OURS,
    "catalog.blob.git_sha1": PATTERN,
    "catalog.blob.sha256": PATTERN,
    "catalog.collection.slug": PATTERN,
    "catalog.file.path": PATTERN,
    "catalog.formername.name": OURS,
    "catalog.loadtrial.digest": OURS,
    "catalog.pendingref.name": PATTERN,
    "catalog.revisioncheck.agreed_terms": OURS,
    "catalog.revisioncheck.path": PATTERN,
    "catalog.licenceversion.language": PATTERN,
    "catalog.licenceversion.sha256": PATTERN,
    "catalog.logbookentry.author": LOGBOOK,
    "catalog.logbookentry.cause": LOGBOOK,
    "catalog.logbookentry.digest": PATTERN,
    "catalog.logbookentry.parent_run": LOGBOOK,
    "catalog.logbookentry.run": LOGBOOK,
    "catalog.logbookentry.zone": LOGBOOK,
    "catalog.manifestkey.fingerprint": PATTERN,
    "catalog.modelrepo.name": PATTERN,
    "catalog.picklescan.sha256": PATTERN,
    "catalog.ref.name": PATTERN,
    "catalog.revision.commit": PATTERN,
    "catalog.revision.title": "a commit’s summary, in the words of whoever publishes",
    "catalog.storagefinding.detail": OURS,
    "catalog.storagefinding.sha256": PATTERN,
    "jobs.capturedblob.sha256": PATTERN,
    "hub.revisioncard.library": CARD,
    "hub.revisioncard.pipeline": CARD,
    "jobs.job.currency": OURS,
    "jobs.job.http_request_id": OURS,
    "jobs.job.trace_parent": OURS,
    "jobs.job.model_name": OURS,
    "jobs.batch.model_name": OURS,
    "jobs.batch.endpoint": OURS,
    "jobs.batch.http_request_id": OURS,
    "jobs.batchline.custom_id": OF_A_PROGRAM,
    "jobs.storedfile.filename": OF_A_PROGRAM,
    "jobs.job.worker": OURS,
    "jobs.tariff.currency": OURS,
    "jobs.tariff.note": "refused by set_tariff where it is no line",
    "outbox.bouncedaddress.reason": "a mail server’s words, made one line as they are read",
    "outbox.lettertemplate.kind": OURS,
    "outbox.lettertemplate.scope": OURS,
    "outbox.lettertemplate.subject": LABS_OWN,
    "outbox.outboxmessage.http_request_id": OURS,
    "outbox.outboxmessage.trace_parent": OURS,
    "outbox.outboxmessage.key": OURS,
    "access.digestitem.key": OURS,
    "outbox.outboxmessage.kind": OURS,
    "outbox.outboxmessage.language": OURS,
    "outbox.outboxmessage.subject": OURS,
}


def short_columns() -> Iterator[tuple[str, models.Field]]:
    for model in apps.get_models():
        if model.__module__.startswith("portal."):
            for field in model._meta.local_fields:
                is_short = isinstance(field, models.CharField) and not field.choices
                if is_short and type(field) in (models.CharField, LineField):
                    yield f"{model._meta.label_lower}.{field.name}", field


def short_inputs() -> Iterator[tuple[str, forms.Field]]:
    for module in ("portal.urls", "portal.accounts.sign_in.forms"):
        importlib.import_module(module)
    for form in _portal_subclasses(forms.Form):
        for name, field in form.base_fields.items():
            long = isinstance(field.widget, forms.Textarea | forms.HiddenInput)
            if isinstance(field, LineInput) or (type(field) is forms.CharField and not long):
                yield f"{form.__name__}.{name}", field


def short_api_fields() -> Iterator[tuple[str, serializers.Field]]:
    importlib.import_module("portal.urls")
    for takes in _portal_subclasses(Input):
        for name, field in takes().fields.items():
            short = type(field) in CHAR_FIELDS and (field.max_length or 0) <= LONGEST_LINE
            if isinstance(field, SingleLineField) or short:
                yield f"{takes.__name__}.{name}", field


def _portal_subclasses(kind: type) -> Iterator[type]:
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("portal."):
            yield subclass
        yield from _portal_subclasses(subclass)


INPUTS = {
    "ChatPlaygroundForm.stop": "a sequence of the model’s text, which may be anything",
    "DeleteForm.confirm": "compared with the model’s name",
    "EntryForm.note": LISTS,
    "EntryForm.value": LISTS,
    "FilterForm.q": FILTER,
    "GuestForm.person": LOOKED_UP,
    "HoldForm.subject": LOOKED_UP,
    "OperatorForm.person": LOOKED_UP,
    "PlaygroundForm.stop": "a sequence of the model’s text, which may be anything",
    "QuestionForm.label": LABS_OWN,
    "ReferenceForm.name": IN_SERVICE,
    "ReferenceForm.relation": IN_SERVICE,
    "ReferenceForm.organization": "may be a ROR id, which is a link; what it names is a line",
    "RoleForm.person": LOOKED_UP,
    "SeatForm.person": LOOKED_UP,
    "SignupForm.username": PATTERN,
    "WordsForm.subject": LABS_OWN,
    "UsageForm.model": LOOKED_UP,
}
API_FIELDS = {
    "EntryFilters.q": FILTER,
    "EntryInput.value": LISTS,
    "GrantFilters.q": FILTER,
    "GroupFilters.organization": FILTER,
    "GroupFilters.q": FILTER,
    "ModelSettingsInput.licence": LOOKED_UP,
    "ChangedSettingsInput.licence": LOOKED_UP,
    "NarrowedBy.organization": FILTER,
    "NarrowedBy.q": FILTER,
    "NewModelInput.licence": LOOKED_UP,
    "OrganizationFilters.q": FILTER,
    "PublishInput.slug": PATTERN,
    "QuestionInput.name": PATTERN,
    "QuestionInput.step": CHOSEN,
    "PlanFilters.model": FILTER,
    "PlanFilters.machine": FILTER,
    "PlanFilters.dtype": FILTER,
    "PlanFilters.tokens_per_month": FILTER,
    "PlanFilters.gpus": FILTER,
    "PlanFilters.memory_gb": FILTER,
    "PlanFilters.bandwidth_gb_s": FILTER,
    "PlanFilters.tflops": FILTER,
    "PlanFilters.watts": FILTER,
    "PlanFilters.link_gb_s": FILTER,
    "PlanFilters.per_hour": FILTER,
    "QueueFilters.organization": FILTER,
    "CommitInput.title": "a commit’s summary, in the words of whoever publishes",
    "QueueFilters.q": FILTER,
    "ShownIfField.equals": CHOSEN,
    "ShownIfField.field": CHOSEN,
    "SignatureInput.text_sha256": "compared with the text that was shown",
}


@pytest.mark.parametrize(
    ("found", "kind", "exempt"),
    [
        (short_columns, LineField, COLUMNS),
        (short_inputs, LineInput, INPUTS),
        (short_api_fields, SingleLineField, API_FIELDS),
    ],
    ids=["models", "forms", "api"],
)
def test_each_short_text_is_a_line_or_says_why_not(found, kind, exempt):
    fields = dict(found())
    others = {name for name, field in fields.items() if not isinstance(field, kind)}
    assert others == set(exempt)
