"""Look into a forward pass and change it: what a request may ask for. Free of torch."""

from inference.interp.captured import Captured
from inference.interp.reductions import Last, Mean, Projection, TopK
from inference.interp.spec import Capture, Intervention, ablate_heads, ablate_neurons

__all__ = [
    "Capture",
    "Captured",
    "Intervention",
    "Last",
    "Mean",
    "Projection",
    "TopK",
    "ablate_heads",
    "ablate_neurons",
]
