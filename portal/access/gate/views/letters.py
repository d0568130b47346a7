"""Pages on which a team edits the words of its letters, with a preview."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.letters.kinds import GROUPS, KINDS, LetterKind
from portal.access.letters.mailer import scope_of
from portal.access.policy.permissions import Action
from portal.access.policy.refusals import require_may
from portal.access.requests.form.forms import PageForm
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors
from portal.forms.fields import LongText, show_errors
from portal.forms.submitting import form_page
from portal.outbox.models import LetterTemplate
from portal.outbox.templates import (
    LONGEST_LETTER,
    LONGEST_SUBJECT,
    LetterWords,
    edited_words,
    preview,
    reset_letter_template,
    save_letter_template,
    words_of,
)


class WordsForm(PageForm):
    subject = forms.CharField(
        label="Subject",
        max_length=LONGEST_SUBJECT,
        error_messages={"required": "Give the letter a subject."},
    )
    paragraphs = LongText(
        label="Letter",
        max_length=LONGEST_LETTER,
        help_text="Separate paragraphs by an empty line.",
        error_messages={"required": "Write the letter, or go back to the default words."},
        widget=forms.Textarea(attrs={"rows": 14}),
    )


def _repo(person: User, namespace: str, name: str) -> ModelRepo:
    """Return a repo to somebody who administers it; raise RepoNotFound or Refused to others."""
    repo = find_repo(f"{namespace}/{name}", caller=Caller(person))
    require_may(Caller(person), Action.ADMINISTER, repo, timezone.now())
    return repo


@login_required
@require_safe
def letters(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """List a gate's letters, and say which of them are in the team's own words."""
    repo = _repo(signed_in(request), namespace, name)
    own = set(LetterTemplate.objects.filter(scope=scope_of(repo)).values_list("kind", flat=True))
    groups = [
        (title, [(slug, kind.label, slug in own) for slug, kind in kinds.items()])
        for title, kinds in GROUPS.items()
    ]
    return render(request, "access/letters.html", {"repo": repo, "groups": groups})


@login_required
@require_http_methods(["GET", "POST"])
def letter(request: HttpRequest, namespace: str, name: str, kind: str) -> HttpResponse:
    """Edit a letter, preview it, save it, or go back to the default words."""
    person = signed_in(request)
    repo = _repo(person, namespace, name)
    if (chosen := KINDS.get(kind)) is None:
        raise Http404
    if "reset" in request.POST:
        reset_letter_template(actor=person, scope=scope_of(repo), kind=kind, now=timezone.now())
        messages.success(request, "The default words are back.")
        return redirect("access:letter_words", namespace, name, kind)
    edited = edited_words(scope_of(repo), kind)
    words = edited or chosen.words
    form = WordsForm(
        request.POST or None, initial={"subject": words.subject, "paragraphs": words.text}
    )
    shown: LetterWords | None = None
    if form.is_bound and form.is_valid():
        try:
            shown = _shown(form, chosen)
            if "save" in request.POST:
                _save(person, repo, kind, chosen, form)
                messages.success(request, "The letter is saved in your words.")
                return redirect("access:letter_words", namespace, name, kind)
        except FieldErrors as error:
            show_errors(form, error)
    context: dict[str, Any] = {
        "repo": repo,
        "kind": kind,
        "chosen": chosen,
        "form": form,
        "shown": shown or (preview(words, chosen.samples) if not form.is_bound else None),
        "facts": chosen.samples,
        "is_own": edited is not None,
    }
    return form_page(request, "access/letter.html", context)


def _shown(form: WordsForm, kind: LetterKind) -> LetterWords:
    words = words_of(form.cleaned_data["subject"], form.cleaned_data["paragraphs"])
    return preview(words, kind.samples, required=kind.required)


def _save(person: User, repo: ModelRepo, kind: str, chosen: LetterKind, form: WordsForm) -> None:
    save_letter_template(
        actor=person,
        scope=scope_of(repo),
        kind=kind,
        allowed=chosen.samples.keys(),
        required=chosen.required,
        now=timezone.now(),
        **form.cleaned_data,
    )
