"""Steps in lower precision and with dropout, and the scale that float16 needs."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from inference.training import loss_scale
from inference.training.checkpoints import Checkpoints, newest_progress, restore
from inference.training.corpus.windows import Windows
from inference.training.loss_scale import LossScale
from inference.training.model.loss import TiedTable
from inference.training.optimizer import AdamW
from inference.training.parallel.ranks import ALONE
from inference.training.recipe import recipe
from inference.training.step import Learner

SIZES = {"layers": 2, "hidden_size": 32, "heads": 4, "sequence_length": 16, "batch": 4, "steps": 9}
VOCAB = 96


class Given:
    """The same sequences in every step."""

    def __init__(self):
        tokens = torch.randint(4, VOCAB, (4, 17), generator=torch.Generator().manual_seed(0))
        first, following = tokens[:, :-1].flatten(), tokens[:, 1:].flatten()
        self._windows = Windows(first, following, torch.arange(16).repeat(4), 4, 16)

    def micro_batches(self, step):
        yield self._windows

    held_out = micro_batches


def learner(**changes):
    settings = recipe("opt-125m", SIZES | {"learning_rate": 5e-3, "init_std": 0.02} | changes)
    return Learner(settings.config(VOCAB), settings)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_learns_nearly_the_same(dtype):
    plain = {"dropout": 0.0, "attention_dropout": 0.0}
    whole, low = learner(dtype="float32", **plain), learner(dtype=dtype, **plain)
    for step in range(6):
        expected = whole.learn(Given(), step)
        figures = low.learn(Given(), step)
        assert figures.loss == pytest.approx(expected.loss, abs=0.02)
        assert figures.grad_norm == pytest.approx(expected.grad_norm, rel=0.1)
        assert not figures.skipped
    assert all(parameter.dtype == torch.float32 for parameter in low.model.parameters())


def test_an_overflow_changes_no_weight_and_halves_the_scale():
    low = learner(dtype="float16")
    low.scale.value = 2.0**40
    before = [parameter.clone() for parameter in low.model.parameters()]
    figures = low.learn(Given(), 0)
    assert figures.skipped
    assert not math.isfinite(figures.grad_norm)
    assert all(map(torch.equal, before, low.model.parameters()))
    assert low.scale.value == 2.0**39
    assert low.optimizer.steps == 0


def test_what_overflowed_is_as_it_was_in_a_run_that_goes_on(tmp_path):
    low = learner(dtype="float16")
    low.scale.value = 2.0**40
    for step in range(30):
        low.learn(Given(), step)
    assert 0 < low.optimizer.steps < 30
    about = {"settings": {}, "corpus_sha256": "", "tokenizer_sha256": {}}
    Checkpoints(tmp_path, ALONE).save(low, 30, about)
    again = learner(dtype="float16")
    restore(tmp_path, newest_progress(tmp_path), again)
    assert (again.scale, again.optimizer.steps) == (low.scale, low.optimizer.steps)
    assert again.learn(Given(), 30) == low.learn(Given(), 30)


def test_a_scale_that_fits_long_is_doubled(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 3)
    scale = LossScale(4.0)
    for _ in range(3):
        scale.fitted()
    assert (scale.value, scale.fitting) == (8.0, 0)
    fixed = LossScale.none()
    for _ in range(5):
        fixed.fitted()
    assert fixed.value == 1.0


def test_dropout_follows_from_seed_and_step():
    """So a run that goes on has the losses of one that nothing stopped."""
    first, second = learner(dtype="float32"), learner(dtype="float32")
    torch.manual_seed(5)
    losses = [first.learn(Given(), 0).loss, first.learn(Given(), 1).loss]
    torch.manual_seed(6)
    assert [second.learn(Given(), 0).loss, second.learn(Given(), 1).loss] == losses
    other = learner(dtype="float32", seed=0, dropout=0.5)
    assert other.learn(Given(), 0).loss != losses[0]


def test_the_blockwise_loss_has_torchs_gradients(monkeypatch):
    monkeypatch.setattr("inference.training.model.loss.BLOCK_LOGITS", 3 * VOCAB)
    torch.manual_seed(0)
    table = torch.nn.Embedding(VOCAB, 8)
    peer = torch.nn.Embedding(VOCAB, 8)
    peer.load_state_dict(table.state_dict())
    tokens, targets = torch.randint(VOCAB, (2, 10))
    tied = TiedTable(table, None)
    ours = tied.losses(tied.rows(tokens) * 2, targets)
    theirs = cross_entropy(peer(tokens) * 2 @ peer.weight.t(), targets, reduction="none")
    torch.testing.assert_close(ours, theirs)
    (ours.mean() * 7).backward()
    (theirs.mean() * 7).backward()
    torch.testing.assert_close(table.weight.grad, peer.weight.grad)


def test_the_optimizer_divides_gradients_by_the_clipping():
    weights = [torch.nn.Linear(4, 4) for _ in range(2)]
    weights[1].load_state_dict(weights[0].state_dict())
    for weight, factor in zip(weights, (1.0, 8.0), strict=True):
        weight(torch.ones(1, 4)).sum().mul(factor).backward()
        AdamW(weight, (0.9, 0.95), 0.1).step(0.1, torch.tensor(factor))
    torch.testing.assert_close(weights[0].weight, weights[1].weight)
