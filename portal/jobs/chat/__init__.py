"""OpenAI’s chat completions, for models whose files have a chat template."""
