"""Give up names that models have moved away from."""

from __future__ import annotations

from portal.accounts.models import Scope
from portal.api.base.operations import Call, operation
from portal.catalog.services.renaming import give_up_name
from portal.errors import Forbidden


@operation(Scope.PUBLISH, errors=(404,))
def give_up(call: Call, namespace: str, name: str) -> None:
    """Give a name up that leads to a model which has moved, so that another model may take it."""
    if call.token is not None and call.token.repo_ids is not None:
        raise Forbidden("This token is for some models. Make one for all of them.")
    give_up_name(actor=call.person, namespace=namespace, name=name, now=call.now)
