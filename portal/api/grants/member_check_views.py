"""Members whom the screening lists hold back: what they have, and a human’s word on it."""

from __future__ import annotations

from portal.access.errors import MembershipNotFound
from portal.access.grants.checks.members import clear_member, held_membership
from portal.access.models import Membership
from portal.accounts.models import Scope
from portal.api.base.fields import TextInput
from portal.api.base.operations import Call, operation
from portal.api.grants.serializers import MemberCheckOutput
from portal.api.grants.views import with_member_states


def _screened(call: Call, membership_id: int) -> Membership:
    found = held_membership(call.person, membership_id, call.now)
    here = call.within(
        Membership.objects.filter(pk=found.pk, screenings__isnull=False), "grant__repo"
    )
    membership = here.select_related("person").distinct().first()
    if membership is None:
        raise MembershipNotFound
    return membership


@operation(Scope.REVIEW, gives=MemberCheckOutput, prepare=with_member_states)
def show_member_check(call: Call, membership_id: int) -> Membership:
    """What the lists have on somebody who signed as a member."""
    return _screened(call, membership_id)


@operation(
    Scope.REVIEW,
    gives=MemberCheckOutput,
    takes=TextInput,
    prepare=with_member_states,
    example={"text": "Another person of the same name; the birth year differs."},
)
def clear_member_check(call: Call, membership_id: int) -> Membership:
    """Clear what the lists hold back: the member joins. What can’t be cleared is ended."""
    _screened(call, membership_id)
    clear_member(
        actor=call.person, membership_id=membership_id, text=call.data["text"], now=call.now
    )
    return _screened(call, membership_id)
