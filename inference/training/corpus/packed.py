"""Hand out a prepared corpus' sequences: each rank's share of a step, a few at once."""

from collections.abc import Iterator

from inference.errors import TrainError
from inference.training.corpus.prepared import PreparedCorpus
from inference.training.corpus.windows import Windows
from inference.training.parallel.ranks import Ranks
from inference.training.recipe import RecipeSettings

HELD_OUT_AT_ONCE = 4


class PackedExamples:
    """Sequences of a prepared corpus, in an order that seed and step decide.

    The ranks' number and the size of a micro-batch decide only who computes which of them.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        settings: RecipeSettings,
        ranks: Ranks,
        micro_batch: int | None = None,
    ) -> None:
        self._corpus, self._settings = corpus, settings
        if settings.batch % ranks.data_size:
            raise TrainError(
                f"a batch of {settings.batch} sequences can't be shared by {ranks.data_size} data "
                "ranks: give a --batch that they divide"
            )
        self._own = settings.batch // ranks.data_size
        self._first = ranks.data_rank * self._own
        self._micro = min(micro_batch or self._own, self._own)
        if self._own % self._micro:
            raise TrainError(
                f"--micro-batch {self._micro} doesn't divide the {self._own} sequences that each "
                "rank has of a batch"
            )

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """Yield this rank's sequences of a step."""
        for first in range(self._first, self._first + self._own, self._micro):
            yield self._corpus.step_windows(
                step,
                batch=self._settings.batch,
                seed=self._settings.seed,
                share=slice(first, first + self._micro),
            )

    def held_out(self) -> Iterator[Windows]:
        """Yield the first held-out sequences, the same on every rank."""
        count = min(self._settings.held_out_windows, self._corpus.held_out.count)
        for first in range(0, count, HELD_OUT_AT_ONCE):
            yield self._corpus.held_out_windows(first, min(HELD_OUT_AT_ONCE, count - first))
