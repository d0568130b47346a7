"""The adapter that runs a model in vLLM, which it starts and speaks to over its HTTP API."""
