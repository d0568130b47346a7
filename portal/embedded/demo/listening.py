"""Tell whose process listens on a port: another one's answer doesn't make the demo ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

TABLE = Path("/proc/net/tcp")
LISTENING = "0A"


def any_listens(pids: Iterable[int], port: int) -> bool:
    """Tell whether one of these processes listens on the port; True where nothing says so."""
    if not TABLE.exists():  # not Linux
        return True
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    return any(link in sockets for pid in pids for link in _open_files(pid))


def _inodes(port: int) -> Iterator[str]:
    for line in TABLE.read_text().splitlines()[1:]:
        columns = line.split()
        local, state, inode = columns[1], columns[3], columns[9]
        if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
            yield inode


def _open_files(pid: int) -> Iterator[str]:
    """Yield what the process has open, as far as it still runs and may be looked at."""
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for file in files:
        try:
            yield str(file.readlink())
        except OSError:  # closed meanwhile
            continue
