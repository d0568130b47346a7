"""The form that changes the quotas of a grant."""

from __future__ import annotations

from typing import Any, ClassVar

from portal.access.grants.quotas.changing import NO_REASON
from portal.access.grants.quotas.fields import (
    NAMED,
    QUOTAS,
    WithQuotas,
    floor_field,
    offer_quotas,
    quota_field,
)
from portal.access.models import Grant
from portal.access.policy.covered import quotas_of
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import NUMBERS, defaults_of
from portal.access.requests.form.forms import PageForm, words_field


class QuotasForm(WithQuotas, PageForm):
    """The numbers of a grant, filled with those that hold, and the reason for others."""

    named: ClassVar = NAMED

    tokens_per_day = quota_field("tokens_per_day")
    concurrent_jobs = quota_field("concurrent_jobs")
    context_tokens = quota_field("context_tokens")
    egress_bytes_per_day = quota_field("egress_bytes_per_day")
    egress_bytes_total = quota_field("egress_bytes_total")
    has_floor = floor_field()
    reason = words_field("Reason", "The letter quotes it.", NO_REASON)

    def __init__(self, *args: Any, grant: Grant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate, in_force = settings_of(grant.repo), quotas_of(grant)
        for name in QUOTAS:
            self.initial.setdefault(name, getattr(in_force, name))
            self.fields[name].show_hidden_initial = True
        offer_quotas(self, self.gate, are_hosted=True)

    def changes(self) -> dict[str, int | bool | None]:
        """Return what was changed on the page, as it was when it was read.

        What somebody else has changed since, and this person left as it was, stays changed.
        """
        default, answers = defaults_of(self.gate), self.cleaned_data
        changed = {name: answers[name] for name in QUOTAS if name in self.changed_data}
        return {
            name: None if name in NUMBERS and answer == default.number(name) else answer
            for name, answer in changed.items()
        }
