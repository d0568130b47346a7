"""Short trainings, stopped where a test wants them to be."""

import os
from dataclasses import replace

from inference.training import train
from inference.training.settings import PRESETS
from inference.training.train import TrainOptions
from portal.catalog.logbook.services import read_logbook
from tests.inference.tiny_opts import read_jsonl

SHORT = replace(PRESETS["tiny"], steps=6, corpus_bytes=60_000, vocab_size=300)
STATE, LOGBOOK = "training-state.safetensors", "logbook.jsonl"


def go(folder, say=lambda _: None, settings=SHORT, **options):
    """Train, or go on, with a checkpoint and a line in the logbook every few steps."""
    options = {"log_every": 2, "checkpoint_every": 3, "progress_bar": False} | options
    train.train(settings, TrainOptions(folder, **options), say)


def sending(number, when):
    """Make a listener that sends this process the signal when it hears the sentence."""

    def say(sentence):
        if sentence.startswith(when):
            os.kill(os.getpid(), number)

    return say


def contents(folder, pattern="*"):
    """Name and bytes of each file."""
    return {path.name: path.read_bytes() for path in folder.glob(pattern) if path.is_file()}


def weights(folder):
    return contents(folder, "*.safetensors")


def entries_of(folder):
    """All entries, each numbered once, and such as the portal takes."""
    entries = read_jsonl(folder / LOGBOOK)
    assert [entry["entry"] for entry in entries] == list(range(1, len(entries) + 1))
    assert read_logbook(folder / LOGBOOK)[1] == []
    return entries


def count_of(folder, kind):
    return sum(entry["kind"] == kind for entry in entries_of(folder))
