"""The demo trains its model: stopped on the way, it ends in good order."""

import signal

import pytest

from portal.embedded.demo import start
from portal.embedded.demo.parts import Site
from portal.embedded.errors import StopRequested
from tests.inference.tiny_opts import read_jsonl


def test_ctrl_c_while_the_model_trains_is_no_crash(supervisor, monkeypatch):
    draft = supervisor.var / "demo-model-draft"
    site = Site(supervisor.var, 8000, "single", supervisor.sockets, {})

    def stop_once_it_trains():
        if (draft / "logbook.jsonl").exists():
            raise StopRequested("SIGINT")

    monkeypatch.setattr(supervisor, "tick", stop_once_it_trains)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a shell's background
    try:
        with pytest.raises(StopRequested):
            start.trained_model(supervisor, site, "demo-model", "tiny")
    finally:
        signal.signal(signal.SIGINT, before)
    last = read_jsonl(draft / "logbook.jsonl")[-1]
    assert (last["kind"], last["cause"], "ended_at" in last) == ("note", "operator", True)
    assert not (supervisor.var / "demo-model").exists()
