"""Find layers in which a weight has numbers far beyond the same weight's in the other layers.

A shard may be damaged before its sums are made. Then every byte is as it was written and every
number finite, and only what the model says is wrong: a shard of OPT-175B was released so, with a
few numbers up to 5e4 in one layer.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median

TIMES = 100.0  # far more than the layers of a trained model differ by
FEWEST_LAYERS = 4  # of which a median says something
_LAYER = re.compile(r"\.layers\.\d+\.")


def unusual_layers(largest: Mapping[str, tuple[float, Path]]) -> list[str]:
    """Return a sentence for each weight whose greatest magnitude stands out, with its file.

    largest: the greatest magnitude of each weight, and the file that has it.
    """
    alike = defaultdict[str, list[str]](list)
    for name in largest:
        if _LAYER.search(name):
            alike[_LAYER.sub(".layers.*.", name)].append(name)
    return [sentence for names in alike.values() for sentence in _standing_out(names, largest)]


def _standing_out(names: list[str], largest: Mapping[str, tuple[float, Path]]) -> list[str]:
    usual = median(largest[name][0] for name in names)
    if len(names) < FEWEST_LAYERS or not usual:
        return []
    return [
        f"{name} reaches {size:.4g} in {path.name}, {size / usual:,.0f} times the median of this "
        "weight in all layers: was the file damaged where it came from? Compare its sum"
        for name, (size, path) in ((name, largest[name]) for name in names)
        if size > TIMES * usual
    ]
