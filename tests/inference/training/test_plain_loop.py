"""Fifty steps have the losses of a plain transformers and torch loop, in both orders of norms."""

from dataclasses import replace

import pytest

from inference.training.corpus.packed import PackedExamples
from inference.training.corpus.prepare import PrepareOptions, prepare
from inference.training.corpus.prepared import PreparedCorpus
from inference.training.corpus.sources import find_sources
from inference.training.parallel.ranks import ALONE
from inference.training.recipe import recipe
from inference.training.step import Learner
from scripts.training.plain_loop import PlainLoop
from tests.inference.training.corpora import write_texts

SIZES = {
    "layers": 2, "hidden_size": 32, "heads": 4, "sequence_length": 32, "batch": 8, "steps": 50,
    "dtype": "float32", "dropout": 0.0, "attention_dropout": 0.0, "learning_rate": 5e-3,
    "init_std": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    texts = write_texts(tmp_path_factory.mktemp("texts"))
    prepare(find_sources([str(texts)]), PrepareOptions(vocab_size=400), folder, lambda _: None)
    return PreparedCorpus(folder, SIZES["sequence_length"])


@pytest.mark.parametrize("size", ["opt-125m", "opt-350m"])
def test_fifty_losses_are_those_of_the_plain_loop(corpus, size):
    """The 350M has norms after sums, and embeddings narrower than its layers."""
    settings = recipe(size, SIZES)
    if size == "opt-350m":
        settings = replace(settings, word_embed_proj_dim=16)
    learner = Learner(settings.config(corpus.about.vocab_size), settings, recompute=True)
    peer = PlainLoop(learner, settings)
    examples = PackedExamples(corpus, settings, ALONE, micro_batch=2)
    whole = PackedExamples(corpus, settings, ALONE)
    for step in range(settings.steps):
        [batch] = whole.micro_batches(step)
        expected = peer.learn(batch, step)
        assert learner.learn(examples, step).loss == pytest.approx(expected, abs=1e-4)
    assert expected < 5.0  # from ln 400 = 6.0
