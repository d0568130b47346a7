"""Run as a process of its own: peak of anonymous memory while converting, as JSON.

SOURCE DESTINATION WARM_UP: the warm-up is converted first, so that what torch takes once for
itself is not counted.
"""

import json
import sys
import threading
from pathlib import Path

from inference.checkpoints.convert import ConvertOptions, convert, prepare
from inference.checkpoints.stored import count
from tests.inference.loading_memory import anonymous_bytes


def main() -> None:
    source, destination, warm_up = map(Path, sys.argv[1:])
    convert(prepare(warm_up, destination / "warm-up", ConvertOptions()), lambda *_: None)
    before = peak = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.0005):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    conversion = prepare(source, destination / "out", ConvertOptions())
    convert(conversion, lambda *_: None)
    done.set()
    watcher.join()
    sizes = [
        count(shape) * dtype.itemsize
        for layout in conversion.shards.values()
        for dtype, shape in layout.values()
    ]
    print(json.dumps({"peak": peak - before, "largest": max(sizes), "total": sum(sizes)}))


if __name__ == "__main__":
    main()
