"""The private Valkey keeps what it acknowledged, and leaves no trace of its socket."""

import os
import signal

import pytest
import redis

from portal.embedded.valkey import prepare
from tests.waiting import wait_until


@pytest.fixture
def server(supervisor):
    server = prepare(supervisor.var, supervisor.sockets)
    supervisor.start(server.part())
    supervisor.wait_until(server.ready, 10, "Valkey")
    return server


def test_a_list_and_a_stream_survive_kill_9(supervisor, server):
    client = redis.Redis.from_url(server.url)
    client.rpush("list", *range(50))
    client.xadd("stream", {"token": "1"})
    assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1  # it is on disk within a second
    dead = supervisor.pids()["valkey"]
    os.kill(dead, signal.SIGKILL)

    def back():
        supervisor.tick()
        return supervisor.pids()["valkey"] != dead and server.ready()

    wait_until(back, 5, "a restarted Valkey")
    assert (client.llen("list"), client.xlen("stream")) == (50, 1)


def test_databases_are_apart(server):
    redis.Redis.from_url(server.url).set("key", "0")
    other_client = redis.Redis.from_url(server.url.replace("db=0", "db=40"))
    assert other_client.get("key") is None


def test_the_socket_goes_with_the_supervisor(supervisor, server):
    supervisor.__exit__(None, None, None)
    assert not server.socket.parent.exists()
