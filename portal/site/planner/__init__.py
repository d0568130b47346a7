"""The planner's page: whether a model fits given GPUs, how fast, at what power and cost."""
