"""Write letters to files where there is no mail server, readable by the portal's account alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.mail.backends import filebased


class EmailBackend(filebased.EmailBackend):
    """A file backend whose folder and files only our own account reads, whatever the umask."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Path(self.file_path).chmod(0o700)

    def open(self) -> bool:
        """Open the next file, private from its first byte."""
        if self.stream is not None:
            return False
        path = self._get_filename()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.stream = os.fdopen(descriptor, "ab")
        return True
