"""Prepare a corpus once, and get the same sequences from it after restarts and on other ranks."""

import json

import numpy as np
import pytest

from inference.errors import TrainError
from inference.training.corpus.order import sequences_at
from inference.training.corpus.packed import PackedExamples
from inference.training.corpus.prepare import PrepareOptions, prepare
from inference.training.corpus.prepared import PreparedCorpus
from inference.training.corpus.sources import find_sources
from inference.training.parallel.ranks import Ranks
from inference.training.recipe import recipe
from tests.inference.training.corpora import write_texts

LENGTH = 16


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return write_texts(tmp_path_factory.mktemp("texts"), documents=40)


def made(texts, folder, **options):
    options = {"vocab_size": 300, "held_out_share": 0.2} | options
    prepare(find_sources([str(texts)]), PrepareOptions(**options), folder, lambda _: None)
    return folder


@pytest.fixture(scope="module")
def corpus(texts, tmp_path_factory):
    return made(texts, tmp_path_factory.mktemp("corpus"))


def settings(**changes):
    sizes = {"layers": 1, "hidden_size": 8, "heads": 1, "sequence_length": LENGTH, "steps": 9}
    return recipe("opt-125m", sizes | {"batch": 4} | changes)


def examples(corpus, *, rank=0, size=1, micro_batch=None):
    prepared = PreparedCorpus(corpus, LENGTH)
    return PackedExamples(prepared, settings(), Ranks(rank, size), micro_batch)


def rows(examples, step):
    return [
        row
        for batch in examples.micro_batches(step)
        for row in batch.tokens.view(batch.count, batch.length).tolist()
    ]


def test_each_document_begins_with_the_border_and_a_part_is_held_out(texts, corpus):
    about = json.loads((corpus / "corpus.json").read_text())
    learned = np.fromfile(corpus / "learned.tokens", about["dtype"])
    assert (learned == 2).sum() == about["documents"]
    assert about["documents"] + about["held_out_documents"] == 40
    assert 0 < about["held_out_documents"] < 20
    assert learned[0] == 2
    assert len(learned) == about["tokens"]


def test_targets_are_the_next_tokens(corpus):
    [batch] = examples(corpus).micro_batches(0)
    prepared = PreparedCorpus(corpus, LENGTH)
    flat = np.fromfile(corpus / "learned.tokens", prepared.about.dtype).tolist()
    tokens, targets = (values.view(4, LENGTH).tolist() for values in (batch.tokens, batch.targets))
    for row, following in zip(tokens, targets, strict=True):
        start = next(i for i in range(0, len(flat), LENGTH) if flat[i : i + LENGTH] == row)
        assert flat[start + 1 : start + LENGTH + 1] == following
    assert batch.positions.tolist() == list(range(LENGTH)) * 4


@pytest.mark.parametrize(("size", "micro_batch"), [(1, 1), (1, 2), (2, None), (4, 1)])
def test_a_step_has_the_same_sequences_on_any_ranks_and_after_a_restart(corpus, size, micro_batch):
    whole = examples(corpus)
    ranks = [
        examples(corpus, rank=rank, size=size, micro_batch=micro_batch) for rank in range(size)
    ]
    for step in (0, 7, 3):
        assert [row for one in ranks for row in rows(one, step)] == rows(whole, step)
    assert rows(whole, 0) != rows(whole, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, 1000])
def test_an_epoch_has_each_sequence_once_in_an_order_of_its_own(count):
    places = np.arange(3 * count, dtype=np.uint64)
    order = sequences_at(places, count, seed=7)
    epochs = [order[start : start + count].tolist() for start in range(0, 3 * count, count)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    if count >= 64:
        assert epochs[0] != epochs[1] != sorted(epochs[1])
        assert sequences_at(places, count, seed=8).tolist() != order.tolist()


def test_the_order_is_the_same_on_every_machine_and_version():
    places = np.arange(10, dtype=np.uint64)
    assert sequences_at(places, 10, 0).tolist() == [5, 6, 7, 3, 2, 9, 8, 4, 1, 0]


def test_few_documents_leave_the_end_to_be_held_out(texts, tmp_path):
    prepared = PreparedCorpus(made(texts, tmp_path, held_out_share=0.0), LENGTH)
    assert prepared.about.held_out_tokens == 0
    assert prepared.held_out.count >= 1
    total = (prepared.about.tokens - 1) // LENGTH
    assert prepared.learned.count + prepared.held_out.count == total


def test_a_given_tokenizer_is_used_as_it_is(texts, corpus, tmp_path):
    again = made(texts, tmp_path, tokenizer=corpus)
    for name in ("learned.tokens", "held-out.tokens", "tokenizer.json"):
        assert (again / name).read_bytes() == (corpus / name).read_bytes()


def refusal(texts, folder, **options):
    with pytest.raises(TrainError) as refused:
        made(texts, folder, **options)
    return str(refused.value)


def test_what_cannot_be_learned_from_is_refused_in_words(texts, corpus, tmp_path):
    bears = "the data bears a vocabulary of"
    assert bears in refusal(texts, tmp_path / "a", vocab_size=5000)
    (tmp_path / "blank.txt").write_text(" \n")
    assert "hold no text but blanks" in refusal(
        tmp_path / "blank.txt", tmp_path / "b", vocab_size=260
    )
    assert "holds no tokenizer" in refusal(texts, tmp_path / "c", tokenizer=tmp_path)
    assert "holds a corpus of other data or options" in refusal(texts, corpus, vocab_size=310)
    with pytest.raises(TrainError, match=r"a sequence to learn from and one held out take 200,001"):
        PreparedCorpus(corpus, 100_000)
    with pytest.raises(TrainError, match="can't be shared by 3 data ranks"):
        examples(corpus, size=3)
    with pytest.raises(TrainError, match="--micro-batch 3 doesn't divide the 4 sequences"):
        examples(corpus, micro_batch=3)


def test_preparing_again_does_nothing(texts, corpus):
    before = {path.name: path.stat().st_mtime_ns for path in corpus.iterdir()}
    made(texts, corpus)
    assert {path.name: path.stat().st_mtime_ns for path in corpus.iterdir()} == before


def test_a_token_file_that_was_cut_is_refused(texts, tmp_path):
    folder = made(texts, tmp_path)
    content = (folder / "learned.tokens").read_bytes()
    (folder / "learned.tokens").write_bytes(content[:-2])
    with pytest.raises(TrainError, match=r"learned\.tokens is gone, or not of .* prepare anew"):
        PreparedCorpus(folder, LENGTH)
