"""The playground: its form, its quota, and how a job is shown."""
