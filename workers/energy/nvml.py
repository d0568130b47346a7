"""Read the energy of NVIDIA GPUs by NVML, where nvidia-ml-py is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from portal.jobs.models import EnergySource
from workers.energy.meter import MeterError

MILLIJOULES = 1000


class NvmlMeter:
    """A meter of whole GPUs: NVML counts what each has used since its driver was loaded.

    Raises MeterError where the library, the driver, a GPU or its counter isn't there.
    """

    source = EnergySource.NVML

    def __init__(self, uuids: Sequence[str]) -> None:
        try:
            import pynvml
        except ImportError:
            raise MeterError("nvidia-ml-py isn’t installed beside the worker.") from None
        self._nvml = pynvml
        self._joules = 0.0
        try:
            pynvml.nvmlInit()
            self._gpus = [pynvml.nvmlDeviceGetHandleByUUID(uuid) for uuid in uuids]
            self._counts = [self._count(gpu) for gpu in self._gpus]
        except pynvml.NVMLError as error:
            raise MeterError(f"NVML doesn’t answer: {error}.") from error

    def joules(self, *, working: bool) -> float:
        try:
            counts = [self._count(gpu) for gpu in self._gpus]
        except self._nvml.NVMLError as error:
            raise MeterError(f"NVML no longer answers: {error}.") from error
        for before, count in zip(self._counts, counts, strict=True):
            used = count - before if count >= before else count  # its driver was loaded anew
            self._joules += used / MILLIJOULES
        self._counts = counts
        return self._joules

    def _count(self, gpu: Any) -> int:
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu))


def gpu_uuids() -> list[str]:
    """Return the UUIDs of the GPUs that this host's ranks run on, as NVML names them.

    They are asked of torch: NVML numbers GPUs otherwise, and knows no CUDA_VISIBLE_DEVICES.
    """
    import torch

    from inference.distributed.launch import ranks_on_this_host

    ranks = settings.ENGINE_TENSOR_PARALLEL_SIZE * settings.ENGINE_PIPELINE_PARALLEL_SIZE
    only = torch.device(settings.ENGINE_DEVICE).index if ranks == 1 else None
    try:
        gpus = [only] if only is not None else range(ranks_on_this_host(ranks))
        return [f"GPU-{torch.cuda.get_device_properties(gpu).uuid}" for gpu in gpus]
    except (AssertionError, AttributeError, RuntimeError) as error:
        raise MeterError(f"torch doesn’t name the GPUs: {error}.") from error
