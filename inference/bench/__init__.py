"""Measure the engine beside other engines, in the same minutes on the same machine."""
