"""One sample's ids to text as they come: whole characters, ending before a stop string."""

import codecs
from collections.abc import Sequence

from inference.tokenizer import Tokenizer
from inference.tokenizer.stop_strings import StopString


class Detokenizer:
    """Text of one sample, token by token.

    Emits whole UTF-8 characters only, and holds back text that may yet become a stop string. Of
    stop strings that one token completes, the one that starts first is met. Those that the first
    ``min_tokens`` tokens complete count for nothing.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        stops: Sequence[StopString] = (),
        *,
        include_stop: bool = False,
        min_tokens: int = 0,
    ) -> None:
        self._tokenizer = tokenizer
        self._stops = stops
        self._include_stop, self._min_tokens = include_stop, min_tokens
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._matched = [0] * len(stops)
        self._tokens = 0
        self.stop_reason: str | None = None  # the stop string that was met

    @property
    def stopped(self) -> bool:
        """Return True once a stop string was met."""
        return self.stop_reason is not None

    def push(self, token_id: int) -> str:
        """Take one more token and return the text that is now certain."""
        self._tokens += 1
        return self._release(self._decoder.decode(self._tokenizer.token_bytes(token_id)))

    def finish(self) -> str:
        """Return what is still held when the sample ends; nothing after a stop string."""
        text = self._release(self._decoder.decode(b"", final=True))
        if self.stopped:
            return text
        held, self._matched = self._held(), [0] * len(self._stops)
        return text + _head(held, "", 0)

    def _release(self, text: str) -> str:
        if not self._stops or self.stopped:
            return "" if self.stopped else text
        held, met = self._held(), []
        for number, stop in enumerate(self._stops):
            self._matched[number], end = stop.scan(self._matched[number], text)
            if end:
                met.append((end - len(stop.text), end, stop.text))
        if met and self._tokens > self._min_tokens:
            start, end, self.stop_reason = min(met)
            return _head(held, text, end if self._include_stop else start)
        return _head(held, text, len(text) - self._held()[1])

    def _held(self) -> tuple[str, int]:
        """Return a stop string, and how many of its first characters are the text held back."""
        matched = max(self._matched, default=0)
        return (self._stops[self._matched.index(matched)].text, matched) if matched else ("", 0)


def _head(held: tuple[str, int], text: str, end: int) -> str:
    """Return the held text and the new one up to ``end``, which counts from the new one's start.

    Nothing is copied but what is returned.
    """
    stop, length = held
    return stop[: length + min(end, 0)] + text[: max(end, 0)]
