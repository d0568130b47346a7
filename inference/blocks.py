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
        self._owned: dict[object, list[int]] = {}

    @property
    def free(self) -> int:
        """Number of blocks nobody owns."""
        return len(self._free)

    @property
    def used(self) -> int:
        """Number of blocks owned."""
        return sum(len(blocks) for blocks in self._owned.values())

    def blocks_for(self, tokens: int) -> int:
        """Number of blocks that hold so many tokens."""
        return -(-tokens // self.block_size)

    def can_ever_hold(self, tokens: int) -> bool:
        """Whether so many tokens fit an empty cache."""
        return self.blocks_for(tokens) <= self.total

    def can_hold(self, tokens: int) -> bool:
        """Whether so many tokens fit now."""
        return self.blocks_for(tokens) <= self.free

    def allocate(self, owner: object, tokens: int) -> tuple[int, ...]:
        """Give owner blocks for so many tokens; raises ValueError, changing nothing, if short."""
        if owner in self._owned:
            raise ValueError(f"{owner} already holds blocks")
        if not self.can_hold(tokens):
            raise ValueError(
                f"{tokens} tokens need {self.blocks_for(tokens)} blocks of {self.free}"
            )
        blocks = [heapq.heappop(self._free) for _ in range(self.blocks_for(tokens))]
        self._owned[owner] = blocks
        return tuple(blocks)

    def release(self, owner: object) -> int:
        """Take back all of owner's blocks and return how many; 0 if it held none."""
        blocks = self._owned.pop(owner, [])
        for block in blocks:
            heapq.heappush(self._free, block)
        return len(blocks)
