"""Run a model that a portal hosts, through the interface of ``Engine``. Free of torch."""
