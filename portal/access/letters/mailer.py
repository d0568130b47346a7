"""Put a letter of the gate into the outbox, in the words of its team."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.kinds import FIXED, default_words
from portal.access.lifecycle import told_at
from portal.access.models import AccessRequest, Grant
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.catalog.models.repos import modes_in_words
from portal.outbox.services import queue_letter
from portal.outbox.templates import LetterWords, edited_among, fill, render_letter, render_own
from portal.text.bidi import isolated
from portal.text.languages import ENGLISH, Words, language_of

Facts = Callable[[], Mapping[str, str]]  # called in the language of the letter
NO_FACTS: Facts = dict
AN_APPLICANT, A_HOLDER = "An applicant", "A holder"


@dataclass(frozen=True)
class Address:
    """An address: whom letters about one thing go to, and what they all have in common.

    keys: the beginning of their keys. about: what ends their subjects. names: facts that each of
    them may use. label, page: the link at their end. not_before: when they leave at the earliest.
    """

    recipient: User
    repo: ModelRepo | None
    reference: str
    keys: str
    about: Words
    label: Words
    page: str
    names: Mapping[str, str] = field(default_factory=dict)
    not_before: datetime | None = None

    def linked(self, label: Words, page: str = "") -> Address:
        """Return the same with another link: another label, and another page if one is given."""
        return replace(self, label=label, page=page or self.page)


def applicant_of(access_request: AccessRequest) -> Address:
    """Address the applicant, about their request."""
    applicant = access_request.applicant
    address = _about_request(access_request, applicant, "access:request", _("See your request"))
    return replace(address, names={**address.names, "applicant": applicant.display_name})


def holder_of(grant: Grant) -> Address:
    """Address the holder of a grant, about it, once they know of the decision that gave it."""
    return Address(
        recipient=grant.person,
        repo=grant.repo,
        reference=grant.reference,
        keys=grant_keys(grant),
        about=grant.about,
        label=_("See your grant"),
        page=reverse("access:grant", args=[grant.pk]),
        names={"holder": grant.person.display_name, "repo": grant.about},
        not_before=told_at(grant),
    )


def reader_of(access_request: AccessRequest, reader: User) -> Address:
    """Address somebody of the lab who may read this request; the subject names who asks."""
    applicant = access_request.applicant
    address = _about_request(access_request, reader, "access:case", "Open the request")
    who = name_for_subject(access_request.repo, applicant, otherwise=AN_APPLICANT)
    return replace(address, about="", names={"who": who})


def name_for_subject(repo: ModelRepo, person: User, *, otherwise: str) -> str:
    """Return a name for subjects of letters, or ``otherwise`` where the lab keeps names out."""
    if settings_of(repo).names_in_subjects:
        return isolated(person.display_name)
    return otherwise


def _about_request(
    access_request: AccessRequest, recipient: User, url_name: str, label: Words
) -> Address:
    repo = access_request.repo
    return Address(
        recipient=recipient,
        repo=repo,
        reference=access_request.reference,
        keys=letter_key(access_request, ""),
        about=format_lazy(
            _("{about}, request {reference}"),
            about=access_request.about,
            reference=access_request.reference,
        ),
        label=label,
        page=reverse(url_name, args=[access_request.pk]),
        names={"repo": access_request.about},
    )


def send(
    address: Address,
    *,
    kind: str,
    key: str,
    facts: Facts = NO_FACTS,
    due_at: datetime | None = None,
    now: datetime,
) -> None:
    """Queue a letter of this kind with these facts; the same key again sends nothing."""
    own = own_words(kind, address.repo)
    language = language_of_letter(kind, own, address.recipient)
    with translation.override(language):
        words = words_for(
            kind, address.repo, address.reference, {**address.names, **facts()}, own=own
        )
        queue_letter(
            key=f"{address.keys}{key}",
            kind=kind,
            recipient=address.recipient,
            subject=_with_about(words.subject, str(address.about)),
            paragraphs=words.paragraphs,
            act_label=address.label,
            act_url=f"{settings.BASE_URL}{address.page}",
            reference=address.reference,
            team=team_of(address.repo),
            language=language,
            due_at=max(due_at or now, address.not_before or now),
            now=now,
        )


def own_words(kind: str, repo: ModelRepo | None) -> dict[str, LetterWords]:
    """Return the team's own words for this kind, where it has any."""
    if repo is None or kind in FIXED:
        return {}
    return edited_among(scope_of(repo), [kind])


def language_of_letter(kind: str, own: Mapping[str, LetterWords], recipient: User | None) -> str:
    """Return the language of a letter, which is in one as a whole.

    In the team's own words it is in English, whichever language these are in; to people of the lab
    too.
    """
    return ENGLISH if kind in own or kind in FIXED else language_of(recipient)


def _with_about(subject: str, about: str) -> str:
    return subject if not about or about in subject else f"{subject} ({about})"


def send_to_each(
    people: Iterable[User],
    repo: ModelRepo | None,
    *,
    kind: str,
    key: str,
    facts: Facts,
    reference: str,
    link: tuple[str, str],
    now: datetime,
) -> None:
    """Write to people of the lab who must do something; ``link`` is a label and a page.

    The first letter has the bare key, by which the reminders know that it was written.
    """
    about = repo.full_name if repo else ""
    for number, person in enumerate(people):
        address = Address(person, repo, reference, key, about, *link)
        suffix = f"-to-{person.pk}" if number else ""
        send(address, kind=kind, key=suffix, facts=facts, now=now)


def words_for(
    kind: str,
    repo: ModelRepo | None,
    reference: str,
    facts: Mapping[str, str],
    own: Mapping[str, LetterWords] | None = None,
) -> LetterWords:
    """Return what a letter says: in the team's own words, where it has any for this kind.

    ``own`` are these words by kind, where they were read already.
    """
    default = default_words(kind)
    if repo is None:  # a hold on the whole site is of no one team
        return fill(default, {"reference": reference, **facts})
    facts = {"repo": repo.full_name, "reference": reference, **facts}
    if kind in FIXED:  # no team has words of its own for these
        return fill(default, facts)
    if own is not None:
        return render_own(own.get(kind), scope_of(repo), kind, default, facts)
    return render_letter(scope_of(repo), kind, default, facts)


def team_of(repo: ModelRepo | None) -> str:
    if repo is None:
        return str(settings.SITE_NAME)
    return gettext("%(lab)s access team") % {"lab": repo.namespace.display_name}


def scope_of(repo: ModelRepo) -> str:
    """Return the name under which a team's own words for its letters are kept."""
    return f"repo:{repo.pk}"


def letter_key(access_request: AccessRequest, key: str) -> str:
    return f"request-{access_request.pk}-{key}"


def grant_keys(grant: Grant) -> str:
    """Return how the keys of all letters about a grant begin, to find out what came of them."""
    return f"grant-{grant.pk}-"


def modes_of(*grants: Grant) -> str:
    modes = sorted({mode for grant in grants for mode in grant.modes})
    return modes_in_words(modes)
