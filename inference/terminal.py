"""Write a command's messages to its terminal or pipe."""

import os
import select
import sys
from typing import TextIO


def is_watched(stream: TextIO | None) -> bool:
    """Tell whether the stream is a terminal. It is None in a process that has no such stream."""
    return stream is not None and stream.isatty()


def counted(number: int, thing: str) -> str:
    """Return a number of things in words: 1 shard, 2 shards."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def reader_is_gone(stream: TextIO) -> bool:
    """Tell whether a stream is a pipe whose reader has ended, as after ``| head``.

    If so, what it holds is dropped, so that Python doesn't fail on it when it ends.
    """
    poll = select.poll()
    poll.register(stream, 0)
    gone = any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return gone


def say(sentence: str, stream: TextIO | None = None) -> None:
    """Print a line at once, to standard output unless told otherwise.

    Where nobody can read it (a closed terminal, a broken pipe, a full disk), this line and all
    later ones are dropped, so that work of hours doesn't end because nobody reads.
    """
    stream = sys.stdout if stream is None else stream
    try:
        print(sentence, file=stream, flush=True)
    except UnicodeEncodeError:  # the name of a file, in a terminal that has no such letters
        print(ascii(sentence), file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
