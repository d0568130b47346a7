"""Join a run with its data: the standard library's sources, or a prepared corpus of anyone's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Protocol

from inference.config import OptConfig
from inference.errors import TrainError
from inference.tokenizer import Tokenizer
from inference.training import logbook_entries
from inference.training.corpus.library import collect_corpus
from inference.training.corpus.packed import PackedExamples
from inference.training.corpus.prepare import PrepareOptions, prepare
from inference.training.corpus.prepared import PreparedCorpus, is_prepared
from inference.training.corpus.sources import find_sources
from inference.training.corpus.tokenizing import adopt_tokenizer, encode_texts, train_tokenizer
from inference.training.corpus.windows import DrawnExamples
from inference.training.logbook import Logbook
from inference.training.parallel.ranks import Ranks
from inference.training.recipe import RecipeSettings
from inference.training.settings import TrainSettings
from inference.training.step import Examples

Say = Callable[[str], None]
PREPARED_NAME = ".corpus"  # in the run's folder; hidden, so that publishing leaves it out


@dataclass(frozen=True)
class DataOptions:
    """Files to learn from, or a prepared corpus; none for the standard library's sources.

    micro_batch: sequences that a rank computes at once; None for its whole share of a batch.
    """

    names: Sequence[str] = ()
    field: str = "text"
    preparing: PrepareOptions = dataclass_field(default_factory=PrepareOptions)
    micro_batch: int | None = None


class RunData(Protocol):
    """The data of a run."""

    sha256: str
    changed: str  # what is said when it isn't a checkpoint's

    def config(self, tokenizer: Tokenizer) -> OptConfig:
        """Return the model's config for the tokenizer."""

    def tokenizer(self, out: Path, say: Say) -> Tokenizer:
        """Make the tokenizer of a run that begins, and write its files."""

    def examples(self, tokenizer: Tokenizer, ranks: Ranks) -> Examples:
        """Tokenize what isn't tokenized yet, and return what steps learn from."""

    def record(self, logbook: Logbook) -> None:
        """Write the entry of the data and its tokens."""


class LibraryData:
    """The standard library's sources, which the demo's model learns from."""

    def __init__(self, settings: TrainSettings, out: Path, ranks: Ranks) -> None:
        if ranks.size > 1:
            raise TrainError("the presets tiny and demo are of one rank: give --data and a recipe")
        self._settings = settings
        self._corpus = collect_corpus(settings.corpus_bytes)
        self._sizes = (0, 0, 0)
        self.sha256 = self._corpus.sha256
        self.changed = (
            f"the standard library has changed since the checkpoint in {out}: go on with the "
            "Python that it was begun with, or begin anew in another --out"
        )

    def config(self, tokenizer: Tokenizer) -> OptConfig:
        """Return the model's config for the tokenizer."""
        return self._settings.config(tokenizer.vocab_size)

    def tokenizer(self, out: Path, say: Say) -> Tokenizer:
        """Train a tokenizer on the texts to learn from."""
        say("training the tokenizer")
        return train_tokenizer(self._corpus.learned, self._settings.vocab_size, out)

    def examples(self, tokenizer: Tokenizer, ranks: Ranks) -> DrawnExamples:
        """Tokenize all texts."""
        learned = encode_texts(tokenizer, self._corpus.learned)
        held_out = encode_texts(tokenizer, self._corpus.held_out)
        self._sizes = len(learned), len(held_out), tokenizer.vocab_size
        return DrawnExamples(self._settings, learned, held_out)

    def record(self, logbook: Logbook) -> None:
        """Write the entry of the sources and their tokens."""
        logbook_entries.record_data(logbook, self._corpus, *self._sizes)


class CorpusData:
    """A prepared corpus: one that --data names, or one made of the files that it names."""

    def __init__(
        self, settings: RecipeSettings, options: DataOptions, out: Path, ranks: Ranks, say: Say
    ) -> None:
        self._settings, self._options = settings, options
        directory = _prepared(options, out, ranks, say)
        self._corpus = PreparedCorpus(directory, settings.sequence_length)
        self.sha256 = self._corpus.about.digest
        self.changed = (
            f"the corpus isn't that of the checkpoint in {out}: give the same --data, or another "
            "--out"
        )

    def config(self, tokenizer: Tokenizer) -> OptConfig:
        """Return the model's config for the tokenizer."""
        about = self._corpus.about
        return self._settings.config(about.vocab_size, about.border)

    def tokenizer(self, out: Path, say: Say) -> Tokenizer:
        """Copy the corpus' tokenizer."""
        return adopt_tokenizer(self._corpus.directory, out)

    def examples(self, tokenizer: Tokenizer, ranks: Ranks) -> PackedExamples:
        """Return the corpus' sequences for this rank."""
        return PackedExamples(self._corpus, self._settings, ranks, self._options.micro_batch)

    def record(self, logbook: Logbook) -> None:
        """Write the entry of the corpus and its tokens."""
        logbook_entries.record_corpus(logbook, self._corpus.about, self._settings)


def _prepared(options: DataOptions, out: Path, ranks: Ranks, say: Say) -> Path:
    """Return the folder of the prepared corpus, which is made first if need be."""
    first = Path(options.names[0])
    if len(options.names) == 1 and is_prepared(first):
        return first
    if ranks.size > 1:  # the others would wait for as long as it takes
        raise TrainError(
            "prepare the data before several ranks train on it: python -m inference prepare "
            f"{' '.join(options.names)} --out CORPUS, then --data CORPUS"
        )
    directory = out / PREPARED_NAME
    prepare(find_sources(options.names, options.field), options.preparing, directory, say)
    return directory


def open_data(
    settings: TrainSettings | RecipeSettings,
    options: DataOptions,
    out: Path,
    ranks: Ranks,
    say: Say,
) -> RunData:
    """Collect, or prepare, what a run learns from. Raises TrainError."""
    if isinstance(settings, TrainSettings):
        if options.names:
            raise TrainError("--data takes a recipe, such as --preset opt-125m")
        say("collecting the corpus")
        return LibraryData(settings, out, ranks)
    if not options.names:
        raise TrainError("a recipe needs --data: files, folders, patterns or a prepared corpus")
    return CorpusData(settings, options, out, ranks, say)
