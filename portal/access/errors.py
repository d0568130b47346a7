"""Refusals of the gate, in words that say what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.errors import Conflict, DomainError, Forbidden, Invalid, InvalidTransition, NotFound
from portal.text.languages import Words

if TYPE_CHECKING:
    from portal.access.policy.refusals import Refusal


class _Unseen(NotFound):
    """An error for a row that doesn't exist or that may not be seen; it doesn't say which."""

    unseen: ClassVar[Words]

    def __init__(self) -> None:
        super().__init__(str(self.unseen))


class RequestNotFound(_Unseen):
    code = "request_not_found"
    unseen = _("There’s no such request, or none that you may see.")


class RequestHasMovedOn(InvalidTransition):
    def __init__(self, reference: str, state: str) -> None:
        super().__init__(
            gettext(
                "Request %(reference)s is now “%(state)s”, so this can’t be done. Nothing was "
                "changed."
            )
            % {"reference": reference, "state": state}
        )


class BeingDecided(InvalidTransition):
    """An applicant would change a request while the team may still undo what it did to it.

    No page shows it: ``review.decisions.applicant_acts`` undoes that first.
    """

    def __init__(self, reference: str) -> None:
        super().__init__(
            gettext(
                "The reviewers are at work on request %(reference)s, so it can’t be changed at "
                "this moment. Try again in a few minutes. Nothing was changed."
            )
            % {"reference": reference}
        )


class EmailNotVerified(Forbidden):
    """An error for who would submit, or sign, and has proved no address."""

    code = "email_not_verified"

    def __init__(self, *, signs: bool = False) -> None:
        submit = gettext("Confirm your e-mail address first; then submit. Your draft is kept.")
        super().__init__(
            gettext("Confirm your e-mail address first; then sign.") if signs else submit
        )


class LicenceChanged(Conflict):
    code = "licence_changed"

    def __init__(self) -> None:
        super().__init__(
            gettext("The licence has a newer version. Read and sign that one; nothing is lost.")
        )


class NotSigned(Invalid):
    code = "not_signed"


class VotesDontDiffer(Conflict):
    """A refusal to a chair who would decide alone what the votes don't leave to them."""

    code = "votes_dont_differ"

    def __init__(self) -> None:
        super().__init__(
            "The votes don’t differ, so there is nothing for the chair to decide. Vote instead."
        )


class NotClear(Conflict):
    """A refusal to approve in bulk what somebody should look at first."""

    code = "evidence_not_clear"

    def __init__(self, reasons: Iterable[str]) -> None:
        listed = " ".join(f"{reason.rstrip('.')}." for reason in reasons)
        super().__init__(f"Something to look at: {listed} Open the case and decide it by itself.")


class ConflictOfInterest(Forbidden):
    code = "conflict_of_interest"

    def __init__(self, why: str = "It is your own request.") -> None:
        super().__init__(f"{why} A colleague without a conflict of interest must decide it.")


class AlreadyGranted(Conflict):
    """An error where access is open already, or offered and waiting for a signature."""

    code = "already_granted"
    act_label = _("Open the model’s page")


class AlreadyOffered(AlreadyGranted):
    code = "already_offered"
    act_label = _("Read and sign")


class HasAccess(Invalid):
    """An error for a person who has access; the Hub's clients expect 400 here, not 409."""

    code = "has_access"

    def __init__(self, username: str, repo_name: str) -> None:
        super().__init__(
            f"{username} has access to {repo_name} already, or an offer of it.", field="user"
        )


class NothingAsked(NotFound):
    code = "nothing_asked"

    def __init__(self, username: str, repo_name: str) -> None:
        super().__init__(f"{username} hasn’t asked for {repo_name}. Grant it instead.")


class AlreadyThere(NotFound):
    """An error for a person who is in that list; the Hub's clients expect 404, not 409."""

    code = "already_there"

    def __init__(self, username: str, standing: str) -> None:
        super().__init__(f"{username} is {standing} already. Nothing was changed.")


class VotesMissing(Conflict):
    code = "votes_missing"

    def __init__(self) -> None:
        super().__init__(
            "Your vote is counted, and it takes more of them here to decide. A colleague’s vote "
            "completes it."
        )


class EndedByTheLab(Forbidden):
    code = "ended_by_the_lab"

    def __init__(self, repo_name: str) -> None:
        super().__init__(
            gettext(
                "The lab ended your access to %(repo_name)s, and signing again doesn’t open it. "
                "Its letter says why; answer that letter."
            )
            % {"repo_name": repo_name}
        )


class GrantNotFound(_Unseen):
    code = "grant_not_found"
    unseen = _("There’s no such grant, or none that you may see.")


class OfferLapsed(Conflict):
    code = "offer_lapsed"


class GrantIsOver(Conflict):
    """An error for a grant that has ended."""

    code = "grant_is_over"


class NotShareable(Forbidden):
    code = "not_shareable"

    def __init__(self) -> None:
        super().__init__(
            gettext(
                "This grant is personal, and the licence lets nobody share it. Members work "
                "only under a licence that an organization signed; your colleague may ask for "
                "access of their own."
            )
        )


class TooManyMembers(Conflict):
    code = "too_many_members"


class MembershipNotFound(NotFound):
    code = "membership_not_found"

    def __init__(self) -> None:
        super().__init__(
            gettext(
                "There’s no such invitation for you. It is for one address: add that address to "
                "your account, confirm it, and open the link again."
            )
        )


class NotOfTheOrganization(Forbidden):
    code = "not_of_the_organization"
    act_label = _("Prove where you work")

    def __init__(self, names: str, *, help_url: str) -> None:
        super().__init__(
            gettext(
                "This grant is for people of %(names)s, and nothing proves yet that you are. "
                "Add and confirm an address there, or name somebody who says so; then join."
            )
            % {"names": names},
            help_url=help_url,
        )


class RenewalNotFound(_Unseen):
    code = "renewal_not_found"
    unseen = _("There’s no such renewal, or none that you may see.")


class NotRenewable(Conflict):
    code = "not_renewable"
    act_label = _("Back to the grant")


class HoldNotFound(_Unseen):
    code = "hold_not_found"
    unseen = _("There’s no such hold, or none that you may see.")


class HeldBack(Forbidden):
    code = "held_back"


class Refused(Forbidden):
    """A permission that the policy refused; ``refusal`` has the words for each surface."""

    code = "refused"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.heading, help_url=refusal.act_url)
        self.refusal = refusal


class SignatureNotFound(_Unseen):
    code = "signature_not_found"
    unseen = _("There’s no such signature, or none that you may see.")


class NoSigningKey(DomainError):
    code = "no_signing_key"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "Certificates can’t be signed now: the installation’s key isn’t in its place. Tell the "
            "operator; nothing is lost."
        )


class HoldStands(Conflict):
    """An error for an approval that a legal hold prevents."""

    code = "hold_stands"

    def __init__(self) -> None:
        super().__init__(
            "A hold stands on this person or their organization. Lift it first; then try again."
        )


class AddressUnproved(Conflict):
    """An error for a person without a confirmed address, whom the team can’t let in."""

    code = "address_unproved"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has no confirmed e-mail address. Ask them to confirm one; then try again."
        )


class CheckNotFound(_Unseen):
    code = "check_not_found"
    unseen = _("There’s no such check, or none that you may see.")


class AlreadyClaimed(Conflict):
    code = "already_claimed"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has this case. Ask them to hand it back, or leave it to them.")


class MailHasLeft(Conflict):
    code = "mail_has_left"

    def __init__(
        self, what_to_do: str = "Reopen the request instead.", *, act: str = "decision"
    ) -> None:
        super().__init__(f"The letter of this {act} has left, so it can’t be undone. {what_to_do}")


class NewerRequest(Conflict):
    code = "newer_request"

    def __init__(self) -> None:
        super().__init__(
            "The applicant has begun another request for this model meanwhile. Decide that one."
        )


class AnswersRemoved(Conflict):
    code = "answers_removed"

    def __init__(self) -> None:
        super().__init__(
            "The answers of this request were removed after their time, so there is nothing left "
            "to review. A new request is what can be reviewed; or offer the grant without one."
        )
