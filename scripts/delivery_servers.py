"""The servers and repos that bench_delivery.py measures."""

from __future__ import annotations

import os
import tempfile
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import throwaway  # noqa: F401 (puts the repository on the path)

from tests.live import free_port

if TYPE_CHECKING:
    from portal.embedded.supervisor import ProcessSupervisor

SHARD = "model-00001-of-00002.safetensors"
STATIC = """\
daemon off;
pid {home}/static.pid;
error_log {home}/static.log warn;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
    uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {home};
        add_header X-Repo-Commit {commit};
        location /api/ {{ default_type application/json; }}
    }}
}}
"""


@dataclass(frozen=True)
class Released:
    """A gated repo of two shards, and a token that may download it."""

    repo: str
    commit: str
    token: str
    blobs: dict[str, Path]


def release(folder: Path, megabytes: int) -> Released:
    """Publish a repo behind the review gate with ``megabytes`` of weights, and grant access."""
    import numpy as np
    from django.utils import timezone
    from safetensors.numpy import save_file

    from portal.storage import blob_store
    from tests.factories.access import make_grant
    from tests.factories.accounts import make_token
    from tests.factories.catalog import make_folder, make_repo, make_revision

    make_folder(folder)
    half = np.random.default_rng(1).random(megabytes * (1 << 20) // 8, dtype=np.float32)
    save_file({"a.weight": half}, folder / SHARD)
    save_file({"b.weight": half + 1}, folder / SHARD.replace("00001", "00002", 1))
    repo = make_repo()
    revision = make_revision(repo, folder)
    now = timezone.now()
    _, token = make_token(make_grant(repo, now=now).person, now=now)
    store = blob_store()
    blobs = {file.path: store.local_path(file.blob_id) for file in revision.files.all()}
    return Released(repo.full_name, revision.commit, token, blobs)


def many_files(count: int) -> tuple[str, str]:
    """Publish an open repo of many small files; return its name and commit."""
    from django.utils import timezone

    from portal.catalog.services.publishing import hash_file
    from portal.catalog.services.revisions import release_revision
    from portal.storage import blob_store
    from tests.factories.accounts import make_user
    from tests.factories.catalog import make_repo

    repo = make_repo(gate="open")
    with tempfile.TemporaryDirectory() as scratch:
        contents = []
        for number in range(count):
            source = Path(scratch) / f"{number}.txt"
            source.write_text(f"file {number}")
            contents.append(hash_file(source, f"part-{number % 10}/file-{number:04}.txt"))
            blob_store().put(source, contents[-1].sha256)
        revision = release_revision(
            actor=make_user(superuser=True),
            repo_id=repo.pk,
            contents=contents,
            title="Many",
            now=timezone.now(),
        )
    return repo.full_name, revision.commit


def start(supervisor: ProcessSupervisor) -> dict[str, int]:
    """Start the portal behind nginx and by itself; return their ports."""
    from portal.embedded.demo.parts import Site

    os.environ.pop("WEIGHTGATE_DB_POOL")  # as in production
    addresses = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    ports = {}
    for name, web in (("X-Accel", "split"), ("embedded", "single")):
        ports[name] = free_port()
        site = Site(supervisor.var, ports[name], web, supervisor.sockets, addresses)
        for part in site.web_parts():
            supervisor.start(replace(part, name=f"{web}-{part.name}"))
        supervisor.wait_until(lambda port=ports[name]: answers(port), 90, name)
    return ports


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_static(supervisor: ProcessSupervisor, released: Released, portal: int) -> int:
    """Plain nginx over the same bytes, with the answers that `hf download` needs as files."""
    from portal.embedded import nginx
    from portal.embedded.supervisor import Part

    home, port = supervisor.var / "plain", free_port()
    api = home / "api/models" / released.repo
    for path in (f"revision/{released.commit}", "revision/main", f"tree/{released.commit}"):
        query = "?recursive=true&expand=false" if path.startswith("tree") else ""
        (api / path).parent.mkdir(parents=True, exist_ok=True)
        (api / path).write_bytes(
            get(portal, f"/api/models/{released.repo}/{path}{query}", released)
        )
    for path, blob in released.blobs.items():
        target = home / released.repo / "resolve" / released.commit / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(blob)
    config = home / "static.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(STATIC.format(home=home, port=port, commit=released.commit, user=user))
    front = (nginx.program(), "-c", str(config), "-e", str(home / "static.log"))
    supervisor.start(Part("static", front, tier=3))
    page = f"/api/models/{released.repo}/revision/main"
    supervisor.wait_until(lambda: opens(port, page), 20, "static nginx")
    return port


def opens(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def get(port: int, path: str, released: Released) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {released.token}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return bytes(answer.read())
