"""Errors that say what to do. Command lines print them and exit 2."""

from collections.abc import Sequence
from itertools import chain


class InferenceError(Exception):
    """Anything the engine, planner or trainer refuses or cannot do."""


class ConfigError(InferenceError, ValueError):
    """A config is missing or incomplete, or says what this engine does not run."""


class LayoutError(InferenceError, ValueError):
    """The model cannot be split over so many ranks."""


class UnknownDtype(InferenceError, ValueError):
    """A dtype by a name that isn't known."""


class CheckpointError(InferenceError):
    """The weight files cannot be found or read."""


class WeightMismatch(CheckpointError):
    """The files' weights are not the model's. Lists every difference at once.

    absent, extra: names. misshapen: one sentence each (shape, dtype or double entry).
    disagreeing: one each for what two places hold differently. damaged: one per file that is
    missing or cannot be read, and per tensor whose hash is not the manifest's.
    """

    def __init__(
        self,
        absent: list[str],
        extra: list[str],
        misshapen: list[str],
        disagreeing: Sequence[str] = (),
        damaged: Sequence[str] = (),
    ) -> None:
        self.absent, self.extra, self.misshapen = absent, extra, misshapen
        self.disagreeing, self.damaged = list(disagreeing), list(damaged)
        lines = [f"damaged: {sentence}" for sentence in damaged]
        lines += [f"absent: {name}" for name in absent]
        lines += [f"extra: {name}" for name in extra]
        lines += [f"misshapen: {sentence}" for sentence in misshapen]
        lines += [f"disagreeing: {sentence}" for sentence in self.disagreeing]
        super().__init__("the checkpoint does not match config.json:\n  " + "\n  ".join(lines))

    @property
    def parts(self) -> tuple[list[str], ...]:
        """All lists, in the order in which they are given."""
        return self.absent, self.extra, self.misshapen, self.disagreeing, self.damaged

    def __reduce__(self) -> tuple[type["WeightMismatch"], tuple[list[str], ...]]:
        """Support pickling, so that one rank can send it to another."""
        return type(self), self.parts

    @classmethod
    def joined(cls, mismatches: Sequence["WeightMismatch"]) -> "WeightMismatch":
        """Join what several readers found, each difference once."""
        parts = zip(*(mismatch.parts for mismatch in mismatches), strict=True)
        return cls(*(list(dict.fromkeys(chain(*lists))) for lists in parts))


class TokenizerError(InferenceError):
    """A tokenizer's files cannot be read, or make none that this engine has."""


class PromptTooLong(InferenceError, ValueError):
    """Prompt plus max_tokens can never fit: refused at submission, never truncated."""


class EngineClosed(InferenceError, RuntimeError):
    """The engine was closed; make a new one."""


class EngineNotStarted(InferenceError, RuntimeError):
    """A program that runs the model could not be started, or ended before it answered."""


class EngineDied(InferenceError, RuntimeError):
    """The program that ran the model ended, and with it the engine."""


class UnsupportedByEngine(InferenceError, ValueError):
    """A request asks for what this engine can't do. The message names it."""


class RanksFailed(InferenceError, RuntimeError):
    """A rank died, hung or failed, and so the engine of several ranks ended."""


class RemoteError(InferenceError, RuntimeError):
    """A portal can't be reached, or doesn't do what it was asked for.

    status, code: as it answered, such as 403 and "no_access"; None where it didn't.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class RemoteRefusal(InferenceError, ValueError):
    """A portal refuses a field of a request, whose name it is: what Engine refuses, and bounds."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TrainError(InferenceError):
    """Training cannot start, resume or go on."""


class Diverged(TrainError):
    """The loss or the weights are no longer finite numbers."""


class Stopped(KeyboardInterrupt):
    """A signal asked the trainer to stop. No Exception, so that ``except Exception`` lets it by."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """Return the exit status by which shells know the signal."""
        return 128 + self.number
