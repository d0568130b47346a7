"""Several ranks have one rank's losses, and go on when one of them, or all, were killed.

More layouts are tried by ``make soak``, in ``tests/soak/test_training_ranks.py``.
"""

import pytest

from tests.inference.tiny_opts import read_jsonl
from tests.inference.training.rank_runs import go, killed_at, losses, make_corpus, same_losses


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="session")
def alone(small_corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    go(small_corpus, out)
    return losses(out)


def test_torchrun_starts_killed_tensor_ranks_anew_and_they_go_on(small_corpus, alone, tmp_path):
    with killed_at(small_corpus, tmp_path, 3, "--tp", 2, ranks=2, restarts=1):
        pass
    same_losses(tmp_path, alone)
    entries = read_jsonl(tmp_path / "logbook.jsonl")
    kinds = [entry["kind"] for entry in entries]
    assert [kinds.count(kind) for kind in ("launch", "crash", "restart", "milestone")] == [1] * 4


def test_one_killed_goes_on_as_two_that_share_weights(small_corpus, alone, tmp_path):
    with killed_at(small_corpus, tmp_path, 3):
        pass
    go(small_corpus, tmp_path, ranks=2)
    same_losses(tmp_path, alone)
    entries = read_jsonl(tmp_path / "logbook.jsonl")
    hardware = [entry for entry in entries if entry["kind"] == "hardware"]
    assert hardware[-1]["figures"]["data_ranks"] == 2


def test_what_ranks_cannot_share_is_refused(small_corpus, tmp_path):
    refused = go(small_corpus, tmp_path, "--tp", 2, status=2)
    assert "--tp 2 needs as many ranks: start them by torchrun" in refused
    assert not list(tmp_path.iterdir())
