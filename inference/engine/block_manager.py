"""The cache's ledger: which blocks belong to whom. Pure Python."""

import re

_FREE, _USED = 0, 1
_GAPS = re.compile(rb"\0+")


class BlockLedger:
    """Hands out blocks of block_size tokens. free + used = total after every call.

    Blocks of one owner follow each other where they can: what lies together in the cache is read
    in place, and what doesn't must be gathered first.
    """

    def __init__(self, total: int, block_size: int) -> None:
        if total < 1 or block_size < 1:
            raise ValueError(f"need at least one block of one token, not {total} of {block_size}")
        self.total = total
        self.block_size = block_size
        self._map = bytearray(total)  # a byte per block: _FREE or _USED
        self._owned: dict[object, tuple[int, ...]] = {}

    @property
    def free(self) -> int:
        """Number of blocks nobody owns."""
        return self.total - self.used

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
        blocks = list(self.owned(owner))
        for left in range(missing, 0, -1):
            follows = blocks[-1] + 1 if blocks else self.total
            if follows >= self.total or self._map[follows] == _USED:
                follows = self._start(left)
            self._map[follows] = _USED
            blocks.append(follows)
        if missing:
            self._owned[owner] = tuple(blocks)
        return self.owned(owner)

    def release(self, owner: object) -> int:
        """Take back all of owner's blocks and return how many; 0 if it held none."""
        blocks = self._owned.pop(owner, ())
        for block in blocks:
            self._map[block] = _FREE
        return len(blocks)

    def _start(self, wanted: int) -> int:
        """The middle of the longest gap, so that who stands before it has room to grow as well."""
        gap = max(_GAPS.finditer(self._map), key=lambda found: found.end() - found.start())
        start, end = gap.span()
        return start if start == 0 else max(start, min((start + end) // 2, end - wanted))
