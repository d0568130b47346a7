"""The request form of a model, so that a program can fill it in as a page does."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view

from portal.access.models import Acceptance
from portal.access.requests.form.questions import newest_form
from portal.access.requests.form.schema import form_schema
from portal.api.base.permissions import AllowAny
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import refusal
from portal.api.base.views import ApiRetrieveView
from portal.api.requests.form_serializers import RequestFormOutput
from portal.catalog.services.licences import require_version_in_force
from portal.catalog.services.lookup import find_repo
from portal.errors import Conflict


@extend_schema_view(
    get=extend_schema(
        operation_id="show_request_form",
        responses={200: RequestFormOutput, 409: refusal(409)},
    )
)
class RequestFormView(RepoMixin, ApiRetrieveView):
    """Show what a request for this model is asked, in order, and what is signed with it."""

    permission_classes = [AllowAny]
    serializer_class = RequestFormOutput

    def get_object(self) -> dict[str, Any]:
        repo = find_repo(self.repo_name, caller=self.caller)
        if not repo.takes_requests:
            raise Conflict("This model needs no request. Its page says how to get it.")
        form = newest_form(repo)
        return {
            "repo": repo.full_name,
            "version": form.version if form else 0,
            "questions": form_schema(repo, form),
            "licence": require_version_in_force(repo, now=self.now),
            "capacities": Acceptance.Capacity.values,
        }
