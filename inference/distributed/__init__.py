"""Run one model over several ranks, as tensor and pipeline parallelism."""
