"""Measure the publishing of a gigabyte, against ``sha256sum`` and ``cp`` of the same files.

    make bench                           # throwaway servers, gone afterwards
    scripts/bench_publish.py --rounds 5

Each round publishes into an empty store, and hashes and copies by the two programs, in turn, so
that what else the machine does weighs on both. Loading the stored files is left out: how long that
takes is the engine's, and the model's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from throwaway import servers

MOST = 2.0
SHARDS = 4


def fill(folder: Path, megabytes: int) -> None:
    """Shards with index, and all else that a folder must hold."""
    import json

    import numpy as np
    from safetensors.numpy import save_file

    from tests.factories.catalog import make_folder

    make_folder(folder)
    for shard in folder.glob("*.safetensors"):
        shard.unlink()
    index = {}
    for number in range(1, SHARDS + 1):
        name = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        size = megabytes * 10**6 // SHARDS // 4
        content = np.random.default_rng(number).random(size, dtype=np.float32)
        save_file({f"weight.{number}": content}, folder / name)
        index[f"weight.{number}"] = name
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))


def publish(folder: Path) -> float:
    """Seconds, from checks to the released revision, into an empty store."""
    from django.conf import settings

    from portal.catalog.services.publishing import publish_revision
    from portal.catalog.statements import Consent, HostingStatement
    from portal.storage import blob_store
    from tests.factories.accounts import make_user
    from tests.factories.catalog import make_repo

    shutil.rmtree(settings.BLOB_DIR, ignore_errors=True)
    blob_store.cache_clear()
    repo, actor = make_repo(), make_user(superuser=True)
    os.sync()
    began = time.perf_counter()
    publish_revision(
        actor=actor,
        repo_id=repo.pk,
        folder=folder,
        title="Bench",
        now=datetime.now(UTC),
        consent=Consent(HostingStatement()),
    )
    return time.perf_counter() - began


def hash_and_copy(folder: Path, target: Path) -> tuple[float, float]:
    """Seconds of ``sha256sum`` and then ``cp``; and until the copy is on the disk, as blobs are."""
    shutil.rmtree(target, ignore_errors=True)
    files = sorted(str(path) for path in folder.iterdir())
    os.sync()
    began = time.perf_counter()
    subprocess.run(["sha256sum", *files], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cp", "-r", str(folder), str(target)], check=True)
    copied = time.perf_counter() - began
    subprocess.run(["sync", "-f", str(target)], check=True)
    return copied, time.perf_counter() - began


def measure(megabytes: int, rounds: int) -> list[float]:
    """Return the ratio of each round, without the first, which warms up."""
    with tempfile.TemporaryDirectory(prefix="wg-bench-") as name:
        folder = Path(name, "in")
        fill(folder, megabytes)
        ratios = []
        for number in range(rounds + 1):
            theirs, on_disk = hash_and_copy(folder, Path(name, "copy"))
            publishing = publish(folder)
            if number:
                ratios.append(publishing / theirs)
                print(
                    f"publish {publishing:6.2f} s, sha256sum and cp {theirs:6.2f} s "
                    f"(on the disk after {on_disk:.2f} s), {ratios[-1]:.2f}",
                    flush=True,
                )
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=1000)
    options = parser.parse_args()
    with servers():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        ratio = statistics.median(measure(options.megabytes, options.rounds))
        from django.db import connection

        connection.close()
    print(f"Publishing takes {ratio:.2f} times as long; the bar is {MOST:g}.")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
