"""The cache's ledger: which blocks belong to whom. Pure Python."""

import heapq


class BlockLedger:
    """Hands out blocks of block_size tokens. free + used = total after every call."""

    def __init__(self, total: int, block_size: int) -> None:
        if total < 1 or block_size < 1:
            raise ValueError(f"need at least one block of one token, not {total} of {block_size}")
        self.total = total
        self.block_size = block_size
        self._free = list(range(total))  # a heap: low blocks are used again first
        self._owned: dict[object, tuple[int, ...]] = {}

    @property
    def free(self) -> int:
        """Number of blocks nobody owns."""
        return len(self._free)

    @property
    def used(self) -> int:
        """Number of blocks owned."""
        return sum(len(blocks) for blocks in self._owned.values())

    def owned(self, owner: object) -> tuple[int, ...]:
        """Owner's blocks, in the order of its tokens."""
        return self._owned.get(owner, ())

    def blocks_for(self, tokens: int) -> int:
        """Number of blocks that hold so many tokens."""
        return -(-tokens // self.block_size)

    def can_ever_hold(self, tokens: int) -> bool:
        """Whether so many tokens fit an empty cache."""
        return self.blocks_for(tokens) <= self.total

    def missing(self, owner: object, tokens: int) -> int:
        """How many blocks owner lacks to hold so many tokens in all."""
        return max(self.blocks_for(tokens) - len(self.owned(owner)), 0)

    def grow(self, owner: object, tokens: int) -> tuple[int, ...]:
        """Owner's blocks, now enough for so many tokens in all; those it had stay in place.

        Raises ValueError, changing nothing, if too few are free.
        """
        missing = self.missing(owner, tokens)
        if missing > self.free:
            raise ValueError(f"{missing} more blocks are needed, and {self.free} are free")
        if missing:
            taken = tuple(heapq.heappop(self._free) for _ in range(missing))
            self._owned[owner] = self.owned(owner) + taken
        return self.owned(owner)

    def release(self, owner: object) -> int:
        """Take back all of owner's blocks and return how many; 0 if it held none."""
        blocks = self._owned.pop(owner, ())
        for block in blocks:
            heapq.heappush(self._free, block)
        return len(blocks)
