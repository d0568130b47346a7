"""Turn one sample's ids into text as they come, in whole characters, up to a stop string."""

import codecs
from collections.abc import Sequence

from inference.tokenizer import Tokenizer
from inference.tokenizer.stop_strings import StopString


class Detokenizer:
    """The text of one sample, token by token.

    It emits whole UTF-8 characters only, and withholds text that may yet become a stop string. Of
    stop strings that one token completes, the one that starts first counts. Those that the first
    ``min_tokens`` tokens complete are ignored.
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
        """Tell whether a stop string was met."""
        return self.stop_reason is not None

    def push(self, token_id: int) -> str:
        """Take one more token and return the text that is now certain."""
        self._tokens += 1
        return self._release(self._decoder.decode(self._tokenizer.token_bytes(token_id)))

    def finish(self) -> str:
        """Return the text still withheld when the sample ends; none after a stop string."""
        text = self._release(self._decoder.decode(b"", final=True))
        if self.stopped:
            return text
        withheld, self._matched = self._withheld(), [0] * len(self._stops)
        return text + _head(withheld, "", 0)

    def _release(self, text: str) -> str:
        if not self._stops or self.stopped:
            return "" if self.stopped else text
        withheld, met = self._withheld(), []
        for number, stop in enumerate(self._stops):
            self._matched[number], end = stop.scan(self._matched[number], text)
            if end:
                met.append((end - len(stop.text), end, stop.text))
        if met and self._tokens > self._min_tokens:
            start, end, self.stop_reason = min(met)
            return _head(withheld, text, end if self._include_stop else start)
        return _head(withheld, text, len(text) - self._withheld()[1])

    def _withheld(self) -> tuple[str, int]:
        """Return a stop string, and how many of its first characters are the withheld text."""
        matched = max(self._matched, default=0)
        return (self._stops[self._matched.index(matched)].text, matched) if matched else ("", 0)


def _head(withheld: tuple[str, int], text: str, end: int) -> str:
    """Return the withheld text and the new one up to ``end``, counted from the new one's start.

    Only the result is copied, however long the stop string is.
    """
    stop, length = withheld
    return stop[: length + min(end, 0)] + text[: max(end, 0)]
