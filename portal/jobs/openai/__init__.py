"""Completions in OpenAI's form: fields, parameters and answers."""
