"""The servers that both hosts reach over TCP: PostgreSQL, Valkey, an S3 server, a mail server."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg
import redis
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql

from portal.embedded import postgres, valkey
from portal.embedded.accounts import server_account
from tests.buckets import BUCKET, COMMANDS, KEY_ID, SECRET
from tests.hosts.daemons import Daemon
from tests.live import free_port
from tests.waiting import wait_until

READY_SECONDS = 60.0
PASSWORD = "a-password-of-the-tests"
OWNER, WEB, WORKER = "weightgate", "weightgate_web", "weightgate_worker"
# What is committed survives kill -9: only a crash of the machine would lose it.
NOT_TO_DISK = {"fsync": "off", "full_page_writes": "off"}
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
# As docs/install.md has it; a test compares.
RIGHTS = """
CREATE ROLE weightgate_web LOGIN;
CREATE ROLE weightgate_worker LOGIN;
GRANT USAGE ON SCHEMA public TO weightgate_web, weightgate_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE weightgate IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO weightgate_web, weightgate_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE weightgate IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO weightgate_web, weightgate_worker;
"""


@dataclass
class Backends:
    """The servers, each a daemon, and how they are reached."""

    postgres: Daemon
    valkey: Daemon
    s3: Daemon
    sockets: Path
    postgres_port: int
    valkey_port: int
    s3_port: int

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.valkey_port}/0"

    @property
    def s3_url(self) -> str:
        return f"http://127.0.0.1:{self.s3_port}"

    def database_url(self, role: str) -> str:
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{self.postgres_port}/weightgate"

    def start(self) -> None:
        for daemon in (self.postgres, self.valkey, self.s3):
            daemon.start()
        wait_until(self.database_answers, READY_SECONDS, "PostgreSQL")
        wait_until(self.redis_answers, READY_SECONDS, "Valkey")
        wait_until(self.bucket_answers, READY_SECONDS, "the S3 server")

    def make_database(self) -> None:
        """Make the owner, the database, and a role for each host that may not change tables."""
        with self.superuser("postgres") as server:
            server.execute("CREATE ROLE weightgate LOGIN")
            server.execute("CREATE DATABASE weightgate OWNER weightgate")
        with self.superuser("weightgate") as server:
            server.execute(RIGHTS.encode())
            for role in (OWNER, WEB, WORKER):
                words = sql.SQL("ALTER ROLE {} PASSWORD {}")
                server.execute(words.format(sql.Identifier(role), sql.Literal(PASSWORD)))

    def superuser(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets),
            port=self.postgres_port,
            user=postgres.ROLE,
            dbname=database,
            autocommit=True,
            connect_timeout=2,
        )

    def database_answers(self) -> bool:
        with suppress(psycopg.OperationalError), self.superuser("postgres") as server:
            return bool(server.execute("SELECT 1").fetchone())
        return False

    def redis_answers(self) -> bool:
        with suppress(redis.RedisError), redis.Redis.from_url(self.redis_url) as client:
            return bool(client.ping())
        return False

    def bucket_answers(self) -> bool:
        """Tell whether the bucket is there, after making it."""
        client = boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )
        with suppress(BotoCoreError, ClientError):
            if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket=BUCKET)
            return True
        return False


def make_backends(folder: Path, logs: Path) -> Backends:
    """Prepare the servers' folders and commands; nothing runs yet."""
    ports = [free_port() for _ in range(3)]
    sockets = folder / "sockets"
    sockets.mkdir()
    return Backends(
        _postgres(folder, sockets, logs, ports[0]),
        Daemon("valkey", _valkey_command(folder, sockets, ports[1]), logs / "valkey.log"),
        _s3(folder, logs, ports[2]),
        sockets,
        *ports,
    )


def _postgres(folder: Path, sockets: Path, logs: Path, port: int) -> Daemon:
    settings = {**NOT_TO_DISK, "listen_addresses": "127.0.0.1", "port": str(port)}
    server = postgres.prepare(folder, sockets, settings)
    (server.data / "pg_hba.conf").write_text(HBA)
    account = server_account()
    return Daemon(
        "postgres",
        server.part().command,
        logs / "postgres.log",
        uid=account.uid if account else None,
        stop_signal=signal.SIGINT,
        before=server.clear_stale_pid,
    )


def _valkey_command(folder: Path, sockets: Path, port: int) -> Sequence[str]:
    """Return the command of a Valkey that keeps nothing, as docs/install.md asks."""
    server = valkey.prepare(folder, sockets)
    options = {"port": str(port), "bind": "127.0.0.1", "save": "", "dir": str(server.data)}
    return [
        str(server.binary),
        *(word for key, value in options.items() for word in (f"--{key}", value)),
    ]


def _s3(folder: Path, logs: Path, port: int) -> Daemon:
    data = folder / "bucket"
    data.mkdir()
    keys = {"NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET, "HOME": str(folder)}
    command = COMMANDS[os.environ.get("SOAK_S3", "nanio")](port, data)
    return Daemon("s3", command, logs / "s3.log", env=keys)
