"""Run nginx in front of the two web servers, by the configuration that operators use too."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from portal.embedded.errors import EmbeddedError
from portal.embedded.files import private_folder

TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx.conf.template"
PROTECTED = "/_protected/"
TRANSFERS = "transfers.log"
NAME = re.compile(r"\$\{([A-Z_]+)\}")  # any other $name in the template is a variable of nginx
NO_LIMIT = 65535  # the most connections that nginx can count


def program() -> str:
    """Return the path of nginx. Raises EmbeddedError where it is not installed."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise EmbeddedError(
            "nginx is not installed, and --web split needs it: "
            "install your system's nginx (Debian: nginx-light), or use --web single."
        )
    return path


def command(config: Path, log: Path, inner: Path) -> list[str]:
    """Return the command that starts nginx in the foreground, without a socket left by a kill -9.

    nginx never removes such a socket, and wouldn't start beside it.
    """
    as_root = "user root; " if os.geteuid() == 0 else ""  # as root, everything here is root's
    start = [program(), "-c", str(config), "-e", str(log), "-g", f"{as_root}daemon off;"]
    return ["/bin/sh", "-c", 'rm -f "$0"; exec "$@"', str(inner), *start]


def write_config(
    *,
    var: Path,
    port: int,
    pages: Path,
    streams: Path,
    inner: Path,
    blobs: Path,
    max_downloads: int,
) -> Path:
    """Fill in the template, and return the path of the configuration.

    ``inner`` is the socket of nginx's own, by which it asks itself for bytes; ``max_downloads``
    bounds those of one person at once, and 0 is no limit.
    """
    home = private_folder(var / "nginx")
    path = home / "nginx.conf"
    values: dict[str, object] = {
        "NGINX_LISTEN": f"127.0.0.1:{port}",
        "NGINX_TLS": os.devnull,
        "NGINX_RUN_DIR": home,
        "NGINX_LOG_DIR": var / "logs",
        "NGINX_BYTES_SOCKET": inner,
        "WEIGHTGATE_PAGES": f"unix:{pages}",
        "WEIGHTGATE_STREAMS": f"unix:{streams}",
        "WEIGHTGATE_BLOB_DIR": blobs,
        "WEIGHTGATE_MAX_DOWNLOADS": max_downloads or NO_LIMIT,
    }
    path.write_text(NAME.sub(lambda name: str(values[name[1]]), TEMPLATE.read_text()))
    return path
