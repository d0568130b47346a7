"""Review of requests: the queue, a case, and what is done with it."""
