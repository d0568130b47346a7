"""Search for stop strings character by character, at a cost independent of their length."""


class StopString:
    """A stop string with its prefix function, for the Knuth-Morris-Pratt search.

    The function is computed only as far as text has matched, so that a long string costs nothing
    before text begins to look like it. Samples of one request share it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._borders = [
            0,
            0,
        ]  # of the first 0, 1, … characters: the longest suffix that is a prefix

    def scan(self, matched: int, text: str) -> tuple[int, int]:
        """Read on in a text that ended with the string's first ``matched`` characters.

        Returns how many of them the text ends with now, and after how many characters the whole
        string was complete first; 0 if it never was.
        """
        index = first_end = 0
        while index < len(text):
            if not matched:
                index = text.find(self.text[0], index)
                if index < 0:
                    break
            matched = self._step(matched, text[index])
            index += 1
            if matched == len(self.text):
                first_end = first_end or index
                matched = self._borders[matched]
        return matched, first_end

    def _step(self, matched: int, character: str) -> int:
        while matched and self.text[matched] != character:
            matched = self._borders[matched]
        matched += self.text[matched] == character
        if matched == len(self._borders):  # text has never matched so far before
            self._borders.append(self._next_border())
        return matched

    def _next_border(self) -> int:
        last = self.text[len(self._borders) - 1]
        border = self._borders[-1]
        while border and self.text[border] != last:
            border = self._borders[border]
        return border + (self.text[border] == last)
