"""A bare Debian in a folder, made by mmdebstrap and entered by chroot. It takes root's rights."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("ca-certificates", "git", "make", "python3", "python3-venv")
# Debian's installer and containers write it; a root has none, and nothing else knows these names.
HOSTS = f"""\
127.0.0.1\tlocalhost
127.0.1.1\t{socket.gethostname()}
::1\tlocalhost ip6-localhost ip6-loopback
"""
INSIDE = """
mount --rbind /proc "$ROOT/proc"; mount --rbind /sys "$ROOT/sys"; mount --rbind /dev "$ROOT/dev"
for path in $BOUND; do
    [ ! -d "$path" ] || mkdir -p "$ROOT$path"
    [ -d "$path" ] || { mkdir -p "$ROOT${path%/*}"; touch "$ROOT$path"; }
    mount --rbind "$path" "$ROOT$path"
done
"""


@dataclass(frozen=True)
class Root:
    """A folder with a Debian in it, and the paths of this machine that are seen inside too."""

    folder: Path
    bound: tuple[str, ...] = ()

    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    @classmethod
    def made(
        cls, folder: Path, suite: str, bound: Sequence[str] = (), packages: Sequence[str] = ()
    ) -> Root:
        """Make a root of a suite, with the packages of a fresh Debian that the README names."""
        include = ",".join([*PACKAGES, *packages])
        make = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={include}"]
        subprocess.run([*make, suite, str(folder)], check=True)
        (folder / "etc/hosts").write_text(HOSTS)
        return cls(folder, tuple(bound))

    def copied(self, name: str) -> Root:
        folder = self.folder.with_name(name)
        subprocess.run(["cp", "-a", "--reflink=auto", self.folder, folder], check=True)
        return Root(folder, self.bound)

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        folder: str = "/",
    ) -> subprocess.Popen[bytes]:
        """Start a command inside, in a mount namespace and a session of its own."""
        inside = {"PATH": self.PATH, "HOME": home_of(user), "LANG": "C.UTF-8", **(env or {})}
        words = [f"{name}={value}" for name, value in inside.items()]
        words = ["env", "--ignore-environment", f"--chdir={folder}", *words, *command]
        enter = ["chroot", f"--userspec={user}", str(self.folder), *words]
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-euc", f"{INSIDE}\nexec {shlex.join(enter)}"],
            env={**os.environ, "ROOT": str(self.folder), "BOUND": " ".join(self.bound)},
            start_new_session=True,
        )

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        folder: str = "/",
    ) -> None:
        """Run a command inside to its end. Raise CalledProcessError where it fails."""
        status = self.start(command, env=env, user=user, folder=folder).wait()
        if status:
            raise subprocess.CalledProcessError(status, list(command))


def home_of(user: str) -> str:
    return "/root" if user == "root" else f"/home/{user}"
