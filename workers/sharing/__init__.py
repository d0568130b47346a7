"""Fair shares of the engine: weighted fair queueing over tenants and people, by tokens."""
