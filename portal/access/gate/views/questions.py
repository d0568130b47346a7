"""Pages on which a lab edits its own questions; each change makes a new version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.gate.form_preview import PreviewStep, preview_steps
from portal.access.gate.forms import KINDS, STEP_LABELS, QuestionForm, condition_words
from portal.access.gate.question_rules import checked_questions
from portal.access.gate.question_versions import (
    copy_questions,
    forms_to_copy,
    save_request_form,
)
from portal.access.gate.views.gate import administered
from portal.access.requests.form.questions import LabQuestion, lab_questions, newest_form
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors
from portal.formatting import counted
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from
from portal.forms.submitting import form_page

NEW = "new"


@login_required
@require_safe
def request_form(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show the questions in their order, and how applicants see them."""
    repo = administered(signed_in(request), namespace, name)
    return render(request, "access/request_form.html", _context(signed_in(request), repo))


def _context(person: User, repo: ModelRepo) -> dict[str, Any]:
    form = newest_form(repo)
    questions = lab_questions(form)
    return {
        "repo": repo,
        "form": form,
        "rows": [
            (
                question,
                KINDS[question.kind],
                STEP_LABELS[question.step],
                condition_words(question, questions),
            )
            for question in questions
        ],
        "steps": preview_steps(repo, questions),
        "sources": forms_to_copy(person, repo),
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, namespace: str, name: str, question: str) -> HttpResponse:
    """Write a new question, or change one."""
    repo = administered(signed_in(request), namespace, name)
    form = newest_form(repo)
    questions = lab_questions(form)
    at = _position(questions, question)
    earlier = questions[:at]
    if request.method != "POST":
        initial = {"step": "research"}
        if at < len(questions):
            initial = QuestionForm.initial_of(questions[at])
        shown = QuestionForm(repo=repo, earlier=earlier, initial=initial)
        return _edit(request, repo, question, shown, form.version if form else 0)
    posted = QuestionForm(request.POST, repo=repo, earlier=earlier)
    if posted.is_valid():
        named = _new_name(posted, questions) if question == NEW else question
        fields = [existing.stored() for existing in questions]
        fields[at : at + 1] = [posted.stored(named)]
        steps: list[PreviewStep] = []
        try:
            if request.POST.get("act") == "preview":
                steps = preview_steps(repo, checked_questions(fields, repo), before=questions)
            else:
                _save(request, repo, fields)
                return redirect("access:request_form", repo.namespace.name, repo.name)
        except FieldErrors as error:
            show_errors(posted, _of_one(error, at))
        return _edit(request, repo, question, posted, _over(request), steps)
    return _edit(request, repo, question, posted, _over(request))


def _position(questions: Sequence[LabQuestion], name: str) -> int:
    """Return a question's index, which for a new one is behind the last."""
    if name == NEW:
        return len(questions)
    for at, question in enumerate(questions):
        if question.name == name:
            return at
    raise Http404


def _new_name(form: QuestionForm, questions: Sequence[LabQuestion]) -> str:
    """Make a name of the question's first words that no other question has."""
    words = slugify(form.cleaned_data["label"]).replace("-", "_")[:30].strip("_")
    stem = f"q_{words}" if words else "question"
    taken = {question.name for question in questions}
    numbered = (f"{stem}_{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *numbered) if name not in taken)


def _over(request: HttpRequest) -> int:
    """Return the version that the page showed, which the change is made to."""
    version = request.POST.get("over", "")
    return int(version) if version.isdecimal() and len(version) < 9 else 0


def _save(request: HttpRequest, repo: ModelRepo, fields: list[dict[str, Any]]) -> None:
    save_request_form(
        actor=signed_in(request),
        repo_id=repo.pk,
        fields=fields,
        over=_over(request),
        now=timezone.now(),
    )
    messages.success(request, "Saved. Drafts ask it from now on; what was submitted stays.")


def _of_one(error: FieldErrors, position: int) -> FieldErrors:
    """Name the fields of the question on the page; show the other questions' errors above it."""
    here = f"fields.{position}."
    return FieldErrors(
        {
            name if name.startswith(here) else name.replace(".", "-"): text
            for name, text in error.errors.items()
        }
    )


def _edit(
    request: HttpRequest,
    repo: ModelRepo,
    name: str,
    form: QuestionForm,
    over: int,
    steps: Sequence[PreviewStep] = (),
) -> HttpResponse:
    context = {"repo": repo, "name": name, "is_new": name == NEW, "form": form, "over": over}
    context["steps"] = steps
    return form_page(request, "access/request_form_question.html", context)


@posted_from("access:request_form", "namespace", "name")
def arrange(request: HttpRequest, namespace: str, name: str, question: str) -> HttpResponse:
    """Move a question up or down, or remove it."""
    repo = administered(signed_in(request), namespace, name)
    questions = lab_questions(newest_form(repo))
    at = _position(questions, question)
    if at == len(questions):
        raise Http404
    moved = questions.pop(at)
    if request.POST.get("act") != "remove":
        step = -1 if request.POST.get("act") == "up" else 1
        questions.insert(max(at + step, 0), moved)
    try:
        _save(request, repo, [question.stored() for question in questions])
    except FieldErrors as error:
        messages.error(request, " ".join(error.errors.values()))
    return redirect("access:request_form", repo.namespace.name, repo.name)


@posted_from("access:request_form", "namespace", "name")
def copy(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Ask what another model of the lab asks too."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    source = forms_to_copy(person, repo).filter(name=request.POST.get("source", "")).first()
    try:
        if source is None:
            raise FieldErrors({"source": "Choose the model whose questions to copy."})
        over, now = _over(request), timezone.now()
        added = copy_questions(actor=person, repo_id=repo.pk, source=source, over=over, now=now)
    except FieldErrors as error:
        messages.error(request, " ".join(error.errors.values()))
    else:
        messages.success(request, _copied(added, source))
    return redirect("access:request_form", repo.namespace.name, repo.name)


def _copied(added: int, source: ModelRepo) -> str:
    if not added:
        return f"This model asks all that {source.name} asks already."
    return f"Copied from {source.name}: {counted(added, 'question')}. Drafts ask it from now on."
