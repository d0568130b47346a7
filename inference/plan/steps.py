"""Estimate what the way of an OPT from its raw files to GPUs reads, writes and takes. No torch.

Bytes are the weights', in the dtype that they are stored in; headers are small beside them. A step
takes as long as the disk, at a speed that is stated, or as the processor, whichever is slower. The
processor's seconds were measured on a core of an AMD EPYC (Zen 5), on files of 1.4 to 2.6 GB.
"""

from dataclasses import dataclass

from inference.plan.gpus import Machine
from inference.plan.shapes import Shape

CHECK_SECONDS_PER_GB = 1.9  # CRC-32 and a look at every number, on several cores
WRITE_SECONDS_PER_GB = 3.8  # merging, SHA-256 and writing, on one core
STORE_SECONDS_PER_GB = 3.5  # hashing, storing and a look at every number, on one core
HASH_SECONDS_PER_GB = 1.3  # by each rank, of its share of the tensors
_GB = 1e9


@dataclass(frozen=True)
class Step:
    """The bytes that one step reads and writes on one host, and the seconds that it takes.

    seconds: the longer of the disk's and the processor's.
    """

    name: str
    read_bytes: int
    written_bytes: int
    seconds: float


def steps_of(
    shape: Shape, machine: Machine, *, dtype: str, disk_bytes_per_second: float, cores: int
) -> list[Step]:
    """Return the steps in their order: check, convert, publish, load. Raises UnknownDtype.

    Converting checks once more, before it writes. Loading hashes each tensor on one of the ranks
    and then copies each rank's slices: the files are read twice, divided among the hosts.
    """
    size = shape.weight_bytes("float16" if dtype == "int8" else dtype)  # rounded while loaded
    hosts = -(-machine.gpus // machine.gpus_per_node)

    def step(name: str, read: int, written: int, core_seconds_per_gb: float, used: int) -> Step:
        processor = size / _GB * core_seconds_per_gb / used
        return Step(name, read, written, max((read + written) / disk_bytes_per_second, processor))

    check = step("check", size, 0, CHECK_SECONDS_PER_GB, cores)
    write = step("convert", size, size, WRITE_SECONDS_PER_GB, 1)
    return [
        check,
        Step("convert", 2 * size, size, check.seconds + write.seconds),
        step("publish", size, size, STORE_SECONDS_PER_GB, 1),
        step("load", 2 * size // hosts, 0, HASH_SECONDS_PER_GB, machine.gpus),
    ]
