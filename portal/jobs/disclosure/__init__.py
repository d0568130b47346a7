"""The one way for operators to read another’s prompt: with a reason that its writer is told."""
