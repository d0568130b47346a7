"""Gather the answers: from flags, variables, the environment file, or a person."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Protocol

from portal.errors import DomainError
from portal.setup.questions import SetupQuestion


class Unanswered(Exception):
    """Answers are missing or can't be; ``faults`` has a sentence for each. Nothing was changed."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = list(faults)


class Asker(Protocol):
    """Somebody who can be asked."""

    def ask(self, prompt: str, default: str) -> str: ...
    def ask_secret(self, prompt: str) -> str: ...
    def say(self, text: str) -> None: ...


class Terminal:
    """A person at a terminal."""

    def ask(self, prompt: str, default: str) -> str:
        return input(f"{prompt} [{default}]: " if default else f"{prompt}: ").strip() or default

    def ask_secret(self, prompt: str) -> str:
        return getpass.getpass(f"{prompt}: ")

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)


class Answering:
    """The answers as they come in; what is wrong with them, where nobody can be asked again."""

    def __init__(
        self,
        *,
        flags: Mapping[str, str | None],
        environ: Mapping[str, str],
        standing: Mapping[str, str],
        asker: Asker | None,
        is_new: bool,
    ) -> None:
        """``is_new`` says that there is no installation yet that could rely on a default."""
        self._flags = flags
        self.environ = environ
        self.is_new = is_new
        self._standing = standing
        self._asker = asker
        self.answers: dict[str, str] = {}
        self.faults: list[str] = []
        self.notes: list[str] = []

    def take(self, questions: Sequence[SetupQuestion]) -> None:
        """Answer the questions that apply, each by its first source."""
        for question in questions:
            if question.applies(self.answers):
                self._take(question)

    def require(self) -> None:
        """Raise Unanswered with all that is missing or wrong."""
        if self.faults:
            raise Unanswered(self.faults)

    def said(self, name: str, variable: str) -> str | None:
        """Return what a flag or a variable says, or None."""
        flag = self._flags.get(name)
        return flag if flag is not None else self.environ.get(variable)

    def _take(self, question: SetupQuestion) -> None:
        answer = self._source(question)
        if answer is None and self._asker is not None:
            self.answers[question.name] = self._ask(question, self._asker)
        elif answer is not None:
            self.answers[question.name] = self._checked(question, answer)
        elif question.default is not None and not (question.is_named_first and self.is_new):
            default = question.default(self.answers)
            self.answers[question.name] = default and self._checked(question, default)
        else:
            self.faults.append(f"{question.prompt} is missing: give {question.ways}.")

    def _checked(self, question: SetupQuestion, answer: str) -> str:
        try:
            return question.check(answer, self.answers)
        except DomainError as error:
            self.faults.append(f"{question.ways}: {error.message}")
            return answer  # whatever is derived from it isn't missing too

    def _source(self, question: SetupQuestion) -> str | None:
        """Return the answer that stands; one in the file is changed there and not by a flag."""
        flag = self._flags.get(question.name)
        standing = self._standing.get(question.variable)
        if standing is None:
            return self.said(question.name, question.variable)
        if flag not in (None, standing):
            self.notes.append(
                f"{question.variable} stays as the environment file has it; change it there."
            )
        return self.environ.get(question.variable, standing)

    def _ask(self, question: SetupQuestion, asker: Asker) -> str:
        offer = question.default or question.offered
        default = offer(self.answers) if offer else ""
        while True:
            is_secret = question.is_secret
            answer = _secret(question, asker) if is_secret else asker.ask(question.prompt, default)
            try:
                return question.check(answer, self.answers)
            except DomainError as error:
                asker.say(error.message)


def _secret(question: SetupQuestion, asker: Asker) -> str:
    while True:
        secret = asker.ask_secret(question.prompt)
        if asker.ask_secret(f"{question.prompt}, again") == secret:
            return secret
        asker.say("The two aren’t the same. Type it twice.")
