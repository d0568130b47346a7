"""Django's admin for support: operators look rows up, and nobody changes one.

It shows the columns of ``COLUMNS`` and no others: no answers, notes, attachments, prompts, texts of
letters, tokens or addresses of machines. A test holds the list against its own.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite, ModelAdmin, display
from django.contrib.auth.decorators import login_required
from django.db.models import DateTimeField, Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.access.models import AccessRequest, Grant
from portal.accounts.models import Organization, User
from portal.accounts.operating import SEE_RECORDS, require_operator
from portal.accounts.views import signed_in
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, Revision
from portal.formatting import moment
from portal.jobs.models import Job
from portal.outbox.models import OutboxMessage

COLUMNS: dict[type[Model], tuple[str, ...]] = {
    User: ("username", "name", "email", "is_active", "is_superuser", "date_joined", "last_login"),
    Organization: ("name", "country", "sector"),
    ModelRepo: ("namespace", "name", "private", "hosted", "created_at"),
    Revision: ("repo", "commit", "created_at"),
    AccessRequest: ("repo", "applicant", "state", "submitted_at", "due_at", "closed_at"),
    Grant: ("repo", "person", "modes", "starts_at", "expires_at", "revoked_at"),
    Job: ("repo", "person", "state", "created_at", "started_at", "ended_at", "worker"),
    OutboxMessage: ("kind", "address", "state", "attempts", "due_at", "sent_at"),
    AuditEvent: ("sequence", "type", "actor", "target_type", "target_id", "at"),
}
SEARCHED: dict[type[Model], tuple[str, ...]] = {
    User: ("^username", "^email"),
    Organization: ("name",),
    ModelRepo: ("name",),
    Revision: ("^commit",),
    AccessRequest: ("=id", "=applicant__username"),
    Grant: ("=id", "=person__username"),
    Job: ("=id", "=person__username"),
    OutboxMessage: ("=address", "=kind"),
    AuditEvent: ("=target_id", "=type"),
}
FILTERED = {"state", "hosted", "private", "is_active", "is_superuser"}
if TYPE_CHECKING:
    Lookup = ModelAdmin[Model]
else:
    Lookup = ModelAdmin  # not generic at run time


class RowLookupSite(AdminSite):
    """The site of the admin: its index, and for each model a list and a row."""

    enable_nav_sidebar = False

    def get_urls(self) -> list[URLResolver | URLPattern]:
        models = [
            path(f"/{model._meta.label_lower.replace('.', '/')}", include(admin.urls))
            for model, admin in self._registry.items()
        ]
        return [path("", self.admin_view(self.overview), name="index"), *models]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Guard a view: operators read, and nobody sends anything."""

        @login_required
        @require_safe
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            require_operator(signed_in(request), SEE_RECORDS)
            return view(request, *args, **kwargs)

        return guarded

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return []  # for a menu that these pages don't have

    def overview(self, request: HttpRequest) -> HttpResponse:
        """List the models whose rows can be looked up."""
        names = [
            (str(model._meta.verbose_name_plural), model._meta.label_lower.replace(".", "_"))
            for model in self._registry
        ]
        rows = [(name, reverse(f"{self.name}:{key}_changelist")) for name, key in names]
        return render(request, "site/operators/records.html", {"rows": rows})


class LookedUp(Lookup):
    """Rows that are read and never changed."""

    change_list_template = "site/operators/record_list.html"
    change_form_template = "site/operators/record.html"
    list_per_page = 50
    show_full_result_count = False
    actions = None
    list_select_related = True

    def get_urls(self) -> list[URLPattern]:
        name = self.opts.label_lower.replace(".", "_")
        guard = self.admin_site.admin_view
        return [
            path("", guard(self.changelist_view), name=f"{name}_changelist"),
            path("/<path:object_id>", guard(self.change_view), name=f"{name}_change"),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True  # ``admin_view`` has asked who it is

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _cell(model: type[Model], column: str) -> Any:
    """Return what shows a column: a time as this site writes it, anything else as Django does."""
    attribute = model._meta.get_field(column)
    if not isinstance(attribute, DateTimeField):
        return column

    @display(description=str(attribute.verbose_name).removesuffix(" at"), ordering=column)
    def cell(row: Model) -> str:
        at = getattr(row, column)
        return moment(at, timezone.now()) if at else "–"

    cell.column = column  # type: ignore[attr-defined]
    return cell


records = RowLookupSite(name="records")
for model, columns in COLUMNS.items():
    cells = tuple(_cell(model, column) for column in columns)
    shown = {
        "fields": cells,
        "readonly_fields": cells,
        "list_display": ("pk", *cells),
        "search_fields": SEARCHED[model],
        "list_filter": tuple(column for column in columns if column in FILTERED),
        "ordering": ("-pk",),
    }
    records.register(model, type(f"{model.__name__}Lookup", (LookedUp,), shown))
