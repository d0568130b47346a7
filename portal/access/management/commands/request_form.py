"""Show and set the questions that a lab asks beside the standard ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.access.gate.question_rules import checked_questions
from portal.access.gate.question_versions import save_request_form
from portal.access.requests.form.questions import newest_form
from portal.catalog.management.lookups import account_named, reading, repo_named
from portal.errors import DomainError, FieldErrors
from portal.parsing.json import read_json_file

KINDS: dict[str, type] = {
    **dict.fromkeys(("name", "type", "label", "step", "help"), str),
    **dict.fromkeys(("required", "material"), bool),
    "choices": list,
    "shown_if": dict,
}
NEEDED = ("name", "type", "label", "step")


class Command(BaseCommand):
    help = "Show the questions that a lab asks as JSON, or ask those of a file from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        shown = acts.add_parser("show", help="print the questions as JSON")
        shown.add_argument("repo", metavar="NS/NAME")
        changed = acts.add_parser("set", help="ask the questions of a file, a new version")
        changed.add_argument("repo", metavar="NS/NAME")
        changed.add_argument("file", type=Path, help="JSON, as “show” prints it")
        changed.add_argument("--as", dest="actor", required=True, metavar="USERNAME")
        changed.add_argument("--dry-run", action="store_true", help="check, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "show":
            form = newest_form(repo_named(options["repo"]))
            fields = form.fields if form else []
            questions = [{name: row[name] for name in KINDS if name in row} for row in fields]
            shown = {"version": form.version if form else 0, "questions": questions}
            self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False))
            return
        try:
            self._set(options, _questions(options["file"]))
        except FieldErrors as error:
            lines = (f"{_place(name)}: {text}" for name, text in error.errors.items())
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error

    def _set(self, options: dict[str, Any], questions: list[dict[str, Any]]) -> None:
        repo, actor = repo_named(options["repo"]), account_named(options["actor"])
        if options["dry_run"]:
            count = len(checked_questions(questions, repo))
            self.stdout.write(f"Ready; nothing changed. {count} questions.")
            return
        form = save_request_form(actor=actor, repo_id=repo.pk, fields=questions, now=timezone.now())
        version = form.version if form else 0
        self.stdout.write(f"{repo.full_name} asks version {version}: {len(questions)} questions.")


def _place(argument: str) -> str:
    return argument.replace("fields", "questions", 1)


def _questions(file: Path) -> list[dict[str, Any]]:
    """Read a file's questions. Raise CommandError for what isn't the form of any."""
    with reading(file, form="JSON"):
        content = read_json_file(file)
    questions = content.get("questions") if isinstance(content, dict) else content
    if not isinstance(questions, list):
        raise CommandError(f"{file} must hold a list of “questions”.")
    for at, question in enumerate(questions):
        if problem := _problem(question):
            raise CommandError(f"questions.{at}{problem}")
    return questions


def _problem(question: Any) -> str:
    """Say what is wrong with the form of one question; nothing where it can be checked."""
    if not isinstance(question, dict):
        return ": Write an object with name, type, label and step."
    if unknown := sorted(set(question) - set(KINDS)):
        return f".{unknown[0]}: Leave it out; a question has no such part."
    for name, kind in KINDS.items():
        value = question.get(name)
        if name in NEEDED and value is None:
            return f".{name}: Add it."
        if value is not None and not isinstance(value, kind):
            return f".{name}: Write {_said(kind)}."
    if not all(isinstance(choice, str) for choice in question.get("choices") or ()):
        return ".choices: Write each answer as a text."
    if (shown_if := question.get("shown_if")) and set(shown_if) != {"field", "equals"}:
        return ".shown_if: Write an object of “field” and “equals”."
    return ""


def _said(kind: type) -> str:
    words = {str: "a text", bool: "true or false", list: "a list", dict: "an object"}
    return words[kind]
