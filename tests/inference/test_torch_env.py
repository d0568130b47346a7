"""Prepare the environment that torch reads in a process that serves."""

from __future__ import annotations

import os

from inference.torch_env import prepare_process


def test_what_is_set_stays_and_the_rest_is_preferred(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    prepare_process()
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", os.environ["THP_MEM_ALLOC_ENABLE"])  # undone after
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
