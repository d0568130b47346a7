"""The OPT family as it was released in 2022: nine sizes, their gates then, and where that is said.

History, not this portal's offer; a size that is published here is linked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext_lazy as _

from inference.plan.shapes import OPT_NAMES, named_shape
from portal.accounts.models import User
from portal.catalog.models import Gate, ModelRepo
from portal.site.catalogue import with_weights
from portal.site.planner.forms import title_of
from portal.site.planner.sources import Quote, quoted
from portal.text.languages import Words

MOST_LINKED = 50
_OPEN = quoted(_("May 2022: plain links, without a sign-in; on the Hub the same month"), "metaseq")
_LATER = quoted(
    _("3 May 2022: “TBD”. Open on 22 June, on the Hub two days later"), "metaseq", "hub"
)
_ASKED = quoted(
    _("May 2022: a form, an e-mail, and links that ran out. Never on the Hub"), "metaseq"
)
GATES_THEN = {"opt-66b": _("Open from June"), "opt-175b": _("On request")}
_STORIES = {"opt-66b": _LATER, "opt-175b": _ASKED}


@dataclass
class ReleasedSize:
    """A size of the family with its gate in 2022, and the models of that name on this portal."""

    name: str
    parameters: int
    gate: Gate
    gate_label: Words
    story: Quote
    here: list[ModelRepo] = field(default_factory=list)

    @property
    def title(self) -> str:
        return title_of(self.name)

    @property
    def weight_bytes(self) -> int:
        return 2 * self.parameters


def _size(name: str) -> ReleasedSize:
    gate = Gate.REVIEW if name == "opt-175b" else Gate.OPEN
    label = GATES_THEN.get(name, _("Open"))
    story = _STORIES.get(name, _OPEN)
    return ReleasedSize(name, named_shape(name).parameters, gate, label, story)


def family_of_2022(user: User | AnonymousUser) -> list[ReleasedSize]:
    """Return the nine sizes, each with the models of its name that the user may know of."""
    sizes = {name: _size(name) for name in OPT_NAMES}
    for repo in _published(user):
        sizes[repo.name].here.append(repo)
    return list(sizes.values())


def _published(user: User | AnonymousUser) -> Iterable[ModelRepo]:
    """Select models named as a size is, each with whether its weights are here."""
    visible = ModelRepo.objects.visible_to(user).filter(name__in=OPT_NAMES)
    return with_weights(visible).select_related("namespace")[:MOST_LINKED]
