"""Ranks that torchrun started wait for rank 0, which may have a model to fetch first."""

from datetime import timedelta

import pytest
import torch.distributed as dist

from inference.distributed.launch import join_torchrun
from inference.errors import LayoutError, RanksFailed

SHORT = timedelta(milliseconds=50)


class WatchedStore(dist.HashStore):
    """A store in which rank 0 says that it joins when it has been looked for three times."""

    def __init__(self):
        super().__init__()
        self.looks = 0

    def check(self, keys):
        self.looks += 1
        if self.looks == 3:
            self.set(keys[0], "")
        return super().check(keys)


@pytest.fixture
def store(monkeypatch):
    store = WatchedStore()
    monkeypatch.setattr("inference.distributed.launch.POLL_SECONDS", 0.0)
    monkeypatch.setattr("inference.distributed.launch.rendezvous", lambda _: iter([(store, 1, 2)]))
    monkeypatch.setenv("WORLD_SIZE", "2")
    return store


def test_the_deadline_counts_only_from_when_rank_0_joins(store):
    with pytest.raises(RanksFailed):  # here it never comes, though it said so
        join_torchrun(2, 1, "cpu", SHORT)
    assert store.looks == 3
    assert not dist.is_initialized()


def test_ranks_that_are_not_the_layouts_are_refused_before_any_wait(store):
    with pytest.raises(LayoutError, match="torchrun started 2 ranks, and 2 tensor x 2 pipeline"):
        join_torchrun(2, 2, "cpu", SHORT)
    assert store.looks == 0
