"""The machines that the planner's page offers, and one of the reader's own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.plan.gpus import GPUS, Gpu, Machine, Rates
from portal.formatting import figures

MINE = "mine"
PRESETS = {
    "16xv100-32": Machine(16, GPUS["v100-32"]),
    "8xa100-80": Machine(8, GPUS["a100-80"]),
    "8xh200-141": Machine(8, GPUS["h200-141"]),
}
LABELS = {
    "16xv100-32": _("16 × V100, 32 GB each"),
    "8xa100-80": _("8 × A100, 80 GB each"),
    "8xh200-141": _("8 × H200, 141 GB each"),
    MINE: _("My own"),
}
GIGA, TERA = 1e9, 1e12
# PCIe 4.0 with 16 lanes, one way: the least that cards in one host are usually joined by.
ASSUMED_LINK_GB_S = 32.0


def own_machine(given: dict[str, Any]) -> Machine:
    """Describe the reader's own GPUs from the form's clean figures."""
    link = given.get("link_gb_s") or ASSUMED_LINK_GB_S
    rates = Rates(given["bandwidth_gb_s"] * GIGA, given["tflops"] * TERA, link * GIGA)
    memory = int(given["memory_gb"] * GIGA)
    return Machine(given["gpus"], Gpu("your GPU", memory, rates, watts=given["watts"]))


def label_of(key: str, machine: Machine) -> str:
    """Return how the page calls a machine; the reader's own by its figures."""
    if key in PRESETS:
        return str(LABELS[key])
    memory = machine.gpu.memory_bytes / GIGA
    text = gettext("%(gpus)s × your GPU, %(memory)s GB each")
    return text % {"gpus": machine.gpus, "memory": figures(f"{memory:g}")}
