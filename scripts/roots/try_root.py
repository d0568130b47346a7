"""Try the README's commands, or the image's, in a bare Debian; ``make test-roots ARGS=...``.

It takes root's rights, mmdebstrap and a network, and minutes to an hour.

  demo    make demo until it is ready, and stop it
  test    make test
  image   the instructions of deploy/Containerfile, each FROM being Debian with its python3
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from containerfile import build
from root import Root, home_of

ROOT = Path(__file__).parents[2]
USER = "somebody"
READY_SECONDS = 3600
IMAGE_PACKAGES = ("python3-pip", "python-is-python3")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="try_root.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=TRIALS)
    parser.add_argument("--suite", default="bookworm", help="bookworm (default) or trixie")
    parser.add_argument("--user", action="store_true", help="as a user without rights")
    parser.add_argument(
        "--bind", action="append", default=[], metavar="PATH", help="a path to see inside as well"
    )
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--args", default="", help="ARGS of make, such as '--tiny' or '-k grant'")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--in", dest="within", help="an empty folder for the root; it stays")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("run it as root: mmdebstrap and chroot need that")
    if options.within:
        folder = Path(options.within).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return TRIALS[options.what](folder, options)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        return TRIALS[options.what](Path(name), options)


@dataclass(frozen=True)
class Checkout:
    """A clone of what is committed here, in the home of a root's user."""

    root: Root
    user: str
    folder: str

    @classmethod
    def made(cls, root: Root, user: str) -> Checkout:
        if user != "root":
            root.run(["useradd", "--create-home", user])
        checkout = cls(root, user, f"{home_of(user)}/weightgate")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout.outside)], check=True)
        root.run(["chown", "-R", f"{user}:", checkout.folder])
        return checkout

    @property
    def outside(self) -> Path:
        return self.root.folder / self.folder.lstrip("/")

    def make(self, options: argparse.Namespace) -> subprocess.Popen[bytes]:
        env = dict(pairs(options.env))
        command = ["make", options.what, f"ARGS={options.args}"]
        return self.root.start(command, env=env, user=self.user, folder=self.folder)


def bare_checkout(folder: Path, options: argparse.Namespace) -> Checkout:
    began = time.monotonic()
    root = Root.made(folder / "root", options.suite, options.bind)
    checkout = Checkout.made(root, USER if options.user else "root")
    print(f"a bare {options.suite} after {time.monotonic() - began:.0f} s", flush=True)
    return checkout


def try_demo(folder: Path, options: argparse.Namespace) -> int:
    """Start the demo, say how long it took to be ready, and stop it."""
    checkout = bare_checkout(folder, options)
    began, demo = time.monotonic(), checkout.make(options)
    ready = checkout.outside / "var/demo.json"
    while not ready.exists():
        if demo.poll() is not None or time.monotonic() > began + READY_SECONDS:
            print("make demo did not become ready", file=sys.stderr)
            return 1
        time.sleep(1)
    address = json.loads(ready.read_text())["base_url"]
    print(f"ready after {time.monotonic() - began:.0f} s: {address}", flush=True)
    os.killpg(demo.pid, signal.SIGTERM)
    demo.wait(60)
    return 1 if ready.exists() else 0


def try_tests(folder: Path, options: argparse.Namespace) -> int:
    began, tests = time.monotonic(), bare_checkout(folder, options).make(options)
    status = tests.wait()
    print(f"make test ended with {status} after {time.monotonic() - began:.0f} s")
    return status


def try_image(folder: Path, options: argparse.Namespace) -> int:
    """Follow the Containerfile, and run what the image starts."""
    base = Root.made(folder / "base", options.suite, options.bind, IMAGE_PACKAGES)
    context = folder / "context"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(context)], check=True)
    text = (context / "deploy/Containerfile").read_text()
    arguments, env = dict(pairs(options.build_arg)), dict(pairs(options.env))
    stage = build(text, base, context, arguments, env)
    stage.run([*stage.entrypoint, *stage.arguments])
    stage.env |= {"WEIGHTGATE_SECRET_KEY": "only-to-check-that-the-settings-load-" * 2}
    stage.run([*stage.entrypoint, "manage", "check"])
    return 0


TRIALS: dict[str, Callable[[Path, argparse.Namespace], int]] = {
    "demo": try_demo,
    "test": try_tests,
    "image": try_image,
}


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]


if __name__ == "__main__":
    sys.exit(main())
