"""The operators' page of checks: the same as `manage.py doctor`."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.operating import require_operator
from portal.accounts.views import signed_in
from portal.doctor.checklist import CHECKS
from portal.doctor.examination import examine
from portal.doctor.findings import FindingState


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def checks(request: HttpRequest) -> HttpResponse:
    """List the checks; the form runs them, which takes seconds and keeps nothing."""
    require_operator(signed_in(request), "check the installation")
    context: dict[str, object] = {"checks": CHECKS}
    if request.method == "POST":
        titles = {check.name: check.title for check in CHECKS}
        findings = [(titles[finding.check], finding) for finding in examine(CHECKS)]
        faults = [finding for _, finding in findings if finding.state == FindingState.FAULT]
        context |= {"findings": findings, "faults": len(faults), "checked_at": timezone.now()}
    return render(request, "site/checks.html", context)
