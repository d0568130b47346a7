"""What torch reads from the environment before it does anything."""

import os

PREFERRED = {
    # Waiting threads sleep instead of spinning: on a busy machine spinning is many times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Large tensors in huge pages, where Linux gives them to who asks: a step walks through all
    # weights, and with small pages waits for their translation (AVX2: 1.7 times as long).
    "THP_MEM_ALLOC_ENABLE": "1",
}


def prepare_process() -> None:
    """Set what is preferred and not set. Call it before torch is imported."""
    for name, value in PREFERRED.items():
        os.environ.setdefault(name, value)
