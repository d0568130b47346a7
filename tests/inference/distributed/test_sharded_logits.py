import threading
from array import array
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from inference.distributed.sharded_logits import ShardedLogits
from inference.engine.logits import WholeLogits
from inference.engine.logits_adjustment import Adjustment
from inference.model.layout import Layout

ROWS, VOCAB = 5, 24


class Threads:
    """Tensor ranks as threads of this process."""

    def __init__(self, ranks):
        self._values = [None] * ranks
        self._barrier = threading.Barrier(ranks)

    def communicator(self, rank):
        def exchange(values):
            self._values[rank] = values
            self._barrier.wait(10)
            gathered = torch.stack(self._values)
            self._barrier.wait(10)
            return gathered

        def reduce(values, operation):
            gathered = exchange(values.clone())
            return gathered.sum(0) if operation == dist.ReduceOp.SUM else gathered.amin(0)

        return SimpleNamespace(all_gather=exchange, all_reduce=reduce)


def ask_ranks(values, sampled_vocab_size, ranks, question):
    threads, found = Threads(ranks), [None] * ranks

    def ask(rank):
        share = Layout(ranks, rank=rank).share(VOCAB)
        own = values[:, share.start : share.stop].clone()
        found[rank] = question(
            ShardedLogits(own, share.start, sampled_vocab_size, threads.communicator(rank))
        )

    workers = [threading.Thread(target=ask, args=(rank,)) for rank in range(ranks)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


KEYS = torch.arange(ROWS) * 7919 - 3
TEMPERATURES = torch.linspace(0.5, 2.0, ROWS)
ADJUSTMENT = Adjustment(
    array("i", [0, 9, 20]), array("f", [8.0, 9.0, 10.0]),
    array("i", [1, 23, 9]), array("i", [2, 0, 1]), 1.5, -2.0, 1.0, array("i", [0, 30]),
)  # fmt: skip
QUESTIONS = {
    "finite": lambda logits: logits.finite(),
    "topk 1": lambda logits: torch.stack([part.double() for part in logits.topk(1)]),
    "topk of each": lambda logits: torch.stack(
        [part.double() for part in logits.topk(min(9, logits.sampled_vocab_size))]
    ),
    "gumbel argmax": lambda logits: logits.gumbel_argmax(TEMPERATURES, KEYS),
    "scaled logsumexp": lambda logits: logits.scaled_logsumexp(TEMPERATURES),
    "logsumexp": lambda logits: logits.logsumexp(),
    "at": lambda logits: logits.at(torch.tensor([0, 23, 6, 5, 12])),
    "count above": lambda logits: logits.count_above(torch.linspace(-1, 1, ROWS)),
    "adjusted": lambda logits: torch.stack(
        [
            part.double()
            for part in logits.adjusted(torch.tensor([4, 0]), [ADJUSTMENT, Adjustment()]).topk(4)
        ]
    ),
    "of some rows": lambda logits: logits.select(torch.tensor([4, 0])).topk(3)[1],
}


@pytest.mark.parametrize("sampled_vocab_size", [VOCAB, 11, 4])
@pytest.mark.parametrize("ranks", [2, 4, 5])
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_every_rank_answers_as_if_the_row_lay_whole(name, ranks, sampled_vocab_size):
    torch.manual_seed(ranks)
    values = torch.randn(ROWS, VOCAB).mul(4).round()  # so that there are ties
    values[2, 20] = torch.nan if name == "finite" else 9.0
    expected = QUESTIONS[name](WholeLogits(values, sampled_vocab_size))
    for answer in ask_ranks(values, sampled_vocab_size, ranks, QUESTIONS[name]):
        torch.testing.assert_close(answer, expected)
