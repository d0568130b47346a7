"""Servers for a bench or a soak: a PostgreSQL and a Valkey of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.embedded.supervisor import ProcessSupervisor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


@contextmanager
def servers() -> Iterator[ProcessSupervisor]:
    """Their addresses are in the environment, where Django reads them."""
    from portal.embedded.demo.parts import common_environment
    from portal.embedded.postgres import FAST
    from portal.embedded.servers import start_servers
    from portal.embedded.supervisor import ProcessSupervisor

    folder = Path(tempfile.mkdtemp(prefix="wg-throwaway-"))
    folder.chmod(0o711)
    try:
        with ProcessSupervisor(folder) as supervisor:
            os.environ.update(start_servers(supervisor, FAST))
            os.environ["WEIGHTGATE_SECRET_KEY"] = "only-for-a-while-" + "0123456789" * 5
            os.environ.update(common_environment(folder))
            os.environ["WEIGHTGATE_DB_POOL"] = "0"
            os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
            yield supervisor
    finally:
        shutil.rmtree(folder, ignore_errors=True)
