"""The audit chain. Import ``record`` and ``EventType`` from their modules."""
