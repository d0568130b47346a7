"""Training over one, two and four ranks: the same losses, whichever are killed or changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.inference.training.rank_runs import go, killed_at, losses, make_corpus, same_losses

pytestmark = [
    pytest.mark.skipif("TRAINING_RANKS" not in os.environ, reason="make soak sets TRAINING_RANKS"),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def alone(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    out = tmp_path_factory.mktemp("alone")
    go(corpus, out)
    return losses(out)


@pytest.mark.parametrize(("data", "tensor"), [(2, 1), (1, 2), (4, 1), (2, 2), (1, 4)])
def test_every_layout_has_one_ranks_losses(
    corpus: Path, alone: dict[int, float], tmp_path: Path, data: int, tensor: int
) -> None:
    go(corpus, tmp_path, "--tp", tensor, "--micro-batch", 1, "--recompute", ranks=data * tensor)
    same_losses(tmp_path, alone)


@pytest.mark.parametrize("tensor", [1, 2])
def test_four_killed_go_on_as_two_and_then_as_one(
    corpus: Path, alone: dict[int, float], tmp_path: Path, tensor: int
) -> None:
    with killed_at(corpus, tmp_path, 3, "--tp", tensor, ranks=4) as process:
        pass
    assert process.returncode != 0
    with killed_at(corpus, tmp_path, 6, "--tp", tensor, ranks=2) as process:
        pass
    assert process.returncode != 0
    go(corpus, tmp_path)
    same_losses(tmp_path, alone)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("ranks", [1, 2])
def test_lower_precision_stays_near(
    corpus: Path, alone: dict[int, float], tmp_path: Path, dtype: str, ranks: int
) -> None:
    go(corpus, tmp_path, "--dtype", dtype, ranks=ranks)
    assert losses(tmp_path) == pytest.approx(alone, abs=0.05)
