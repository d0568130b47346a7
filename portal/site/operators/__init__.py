"""The operators' home: what needs them, and figures of the gate, workers, storage and mail."""
