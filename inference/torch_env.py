"""Set environment variables that torch reads when it is imported."""

import os

PREFERRED = {
    # Waiting threads sleep instead of spinning: on a busy machine spinning is many times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Large tensors lie in huge pages, where Linux gives these on request: a step reads all weights,
    # and with small pages waits for address translation (AVX2: 1.7 times as long).
    "THP_MEM_ALLOC_ENABLE": "1",
}


def prepare_process() -> None:
    """Set the preferred values of variables that aren't set. Call it before torch is imported."""
    for name, value in PREFERRED.items():
        os.environ.setdefault(name, value)
