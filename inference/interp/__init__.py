"""Look into a forward pass and change it: what a request may ask for. Free of torch."""

from inference.interp.spec import Capture, Captured, Intervention, ablate_heads, ablate_neurons

__all__ = ["Capture", "Captured", "Intervention", "ablate_heads", "ablate_neurons"]
