"""The audit record, a hash chain. Import ``record`` and ``EventType`` from their modules."""
