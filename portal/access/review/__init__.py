"""Review: the queue, a case, and the acts of those who decide."""
