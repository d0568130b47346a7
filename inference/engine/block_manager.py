"""Allocate the blocks of the paged KV cache. Pure Python."""

import re

_FREE, _USED = 0, 1
_GAPS = re.compile(rb"\0+")


class BlockManager:
    """Gives each owner a block table. After every call num_free + num_used = num_blocks.

    An owner's blocks follow one another where they can: contiguous blocks are read in place,
    others must be gathered into a copy first.
    """

    def __init__(self, num_blocks: int, block_size: int) -> None:
        if num_blocks < 1 or block_size < 1:
            raise ValueError(
                f"need at least one block of one token, not {num_blocks} of {block_size}"
            )
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._map = bytearray(num_blocks)  # a byte per block: _FREE or _USED
        self._block_tables: dict[object, tuple[int, ...]] = {}

    @property
    def num_free(self) -> int:
        """Number of blocks that nobody owns."""
        return self.num_blocks - self.num_used

    @property
    def num_used(self) -> int:
        """Number of blocks that have an owner."""
        return sum(len(blocks) for blocks in self._block_tables.values())

    def block_table(self, owner: object) -> tuple[int, ...]:
        """Return the owner's blocks, in the order of its tokens."""
        return self._block_tables.get(owner, ())

    def blocks_for(self, tokens: int) -> int:
        """Return the number of blocks that hold so many tokens."""
        return -(-tokens // self.block_size)

    def can_ever_hold(self, tokens: int) -> bool:
        """Tell whether so many tokens fit into an empty cache."""
        return self.blocks_for(tokens) <= self.num_blocks

    def num_missing(self, owner: object, tokens: int) -> int:
        """Return how many blocks the owner lacks to hold so many tokens in all."""
        return max(self.blocks_for(tokens) - len(self.block_table(owner)), 0)

    def allocate(self, owner: object, tokens: int) -> tuple[int, ...]:
        """Grow the owner's block table to so many tokens in all, and return it.

        The blocks that it had stay in place. Raises ValueError, changing nothing, if too few are
        free.
        """
        missing = self.num_missing(owner, tokens)
        if missing > self.num_free:
            raise ValueError(f"{missing} more blocks are needed, and {self.num_free} are free")
        blocks = list(self.block_table(owner))
        for remaining in range(missing, 0, -1):
            block = blocks[-1] + 1 if blocks else self.num_blocks
            if block >= self.num_blocks or self._map[block] == _USED:
                block = self._start_of_run(remaining)
            self._map[block] = _USED
            blocks.append(block)
        if missing:
            self._block_tables[owner] = tuple(blocks)
        return self.block_table(owner)

    def free(self, owner: object) -> int:
        """Free all of the owner's blocks, and return how many; 0 if it had none."""
        blocks = self._block_tables.pop(owner, ())
        for block in blocks:
            self._map[block] = _FREE
        return len(blocks)

    def _start_of_run(self, wanted: int) -> int:
        """Choose where a new run of blocks starts: in the middle of the longest gap.

        So the owner whose blocks end where the gap begins can grow contiguously too.
        """
        gap = max(_GAPS.finditer(self._map), key=lambda match: match.end() - match.start())
        start, end = gap.span()
        return start if start == 0 else max(start, min((start + end) // 2, end - wanted))
