import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
import torch

from inference import Engine, SamplingParams
from inference.errors import TrainError
from inference.plan.energy import EnergyInputs, estimate_energy
from inference.training import logbook, logbook_entries
from inference.training.logbook import KINDS, Logbook, cut_torn_line, read_logbook, run_hours
from inference.training.settings import PRESETS
from inference.training.train import TrainOptions, train
from portal.catalog.logbook.fields import check_entry
from tests.inference.tiny_opts import ROOT, read_jsonl, reference_logits, run_cli

RUN = ("train", "--preset", "tiny", "--log-every", 1, "--checkpoint-every", 10, "--threads", 1)


def losses(directory):
    losses_by_step = {}
    for entry in read_jsonl(directory / "logbook.jsonl"):
        if entry["kind"] == "update":
            losses_by_step.setdefault(entry["step"], set()).add(entry["figures"]["loss"])
    return losses_by_step


def test_the_checkpoint_is_transformers_and_ours(trained):
    from transformers import AutoModelForCausalLM

    peer, told = AutoModelForCausalLM.from_pretrained(trained, output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    with Engine(trained) as engine:
        ids = engine.tokenizer.encode("def main(argv):\n    return")
        params = SamplingParams(max_tokens=0, prompt_logprobs=0)
        [output] = engine.generate([ids], params)
    reference = reference_logits(peer.eval(), ids).log_softmax(-1)
    for place in range(1, len(ids)):
        expected = reference[place - 1, ids[place]].item()
        logprob = output.prompt_logprobs[place][ids[place]].logprob
        assert logprob == pytest.approx(expected, abs=1e-4)


def test_the_folder_holds_what_is_published(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "config.json",
        "generation_config.json",
        "logbook.jsonl",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    config = json.loads((trained / "config.json").read_text())
    assert config["architectures"] == ["OPTForCausalLM"]
    assert config["max_position_embeddings"] == 2048


def test_it_learns(trained):
    entries = read_jsonl(trained / "logbook.jsonl")
    [held_out] = [e["figures"]["loss"] for e in entries if e["kind"] == "evaluation"]
    assert held_out < 5.6  # chance is ln 512 = 6.24


def test_the_logbook_tells_the_run(trained):
    entries = read_jsonl(trained / "logbook.jsonl")
    kinds = [entry["kind"] for entry in entries]
    assert kinds[:5] == ["launch", "hardware", "software", "hyperparameter", "data"]
    assert kinds[-3:] == ["evaluation", "note", "milestone"]
    assert set(kinds[5:-3]) == {"update"}
    assert set(kinds) <= KINDS
    for number, entry in enumerate(entries, start=1):
        assert entry["entry"] == number
        assert entry["run"] == "1"
        assert entry["body"].endswith(".")
        assert datetime.fromisoformat(entry["occurred_at"]).tzinfo is not None
    figures = {"loss", "perplexity", "grad_norm", "learning_rate", "tokens_per_second"}
    assert set(entries[5]["figures"]) == figures
    assert "ended_at" in entries[-1]


def test_the_energy_estimate_carries_its_inputs(trained):
    [note] = [e for e in read_jsonl(trained / "logbook.jsonl") if e["kind"] == "note"]
    figures = note["figures"]
    assert figures["kwh"] == pytest.approx(figures["device_hours"] * 65 * 1.1 / 1000)
    assert figures["kg_co2e"] == pytest.approx(figures["kwh"] * 0.385)
    assert "Nothing was measured" in note["body"]


@pytest.fixture
def hasty_clock(monkeypatch):
    """Return a clock of which each reading is a millisecond after the one before."""
    readings = count(datetime(2026, 11, 23, 10, 0, tzinfo=UTC).timestamp(), 0.001)

    def reading():
        return datetime.fromtimestamp(next(readings), UTC).isoformat(timespec="milliseconds")

    monkeypatch.setattr(logbook, "now", reading)


@pytest.mark.parametrize("ending", ["milestone", "note", "crash"])
def test_an_ending_entry_has_one_time(hasty_clock, tmp_path, ending):
    book = logbook_entries.open_logbook(tmp_path, 0, 0)
    if ending == "milestone":
        logbook_entries.record_end(book, PRESETS["tiny"], 1, 5.0, {})
    else:
        logbook_entries.record_stop(book, 3, ending, "operator", "Stopped.")
    last = read_jsonl(book.path)[-1]
    assert last["ended_at"] == last["occurred_at"]
    check_entry(last)


def test_a_run_found_ended_has_the_time_of_its_last_entry(hasty_clock, tmp_path):
    launch = read_jsonl(logbook_entries.open_logbook(tmp_path, 0, 0).path)[-1]
    crash = read_jsonl(logbook_entries.open_logbook(tmp_path, 0, 0).path)[1]
    assert crash["kind"] == "crash"
    assert crash["ended_at"] == crash["occurred_at"] == launch["occurred_at"]


def test_energy_is_llamas_estimate_for_opt_175b():
    estimate = estimate_energy(809_472, EnergyInputs(watts_per_device=400))
    assert round(estimate.kwh / 1000, 1) == 356.2
    assert round(estimate.kg_co2e / 1000, 1) == 137.1
    with pytest.raises(ValueError, match="PUE 1 or more"):
        estimate_energy(1, EnergyInputs(pue=0.9))


def test_a_killed_run_goes_on_to_the_same_losses(tmp_path):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert run_cli(*RUN, "--out", undisturbed).returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "inference", *map(str, RUN), "--out", str(killed)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with process:
        for line in process.stdout:
            if line == "step 20: checkpoint written\n":
                process.kill()
                break
    assert process.returncode == -9
    assert not (killed / "config.json").exists()
    assert run_cli(*RUN, "--out", killed, "--resume").returncode == 0
    assert losses(killed) == losses(undisturbed)
    assert len(losses(killed)) == 40
    entries = read_jsonl(killed / "logbook.jsonl")
    crash, restart = (next(e for e in entries if e["kind"] == k) for k in ("crash", "restart"))
    assert (crash["run"], crash["cause"]) == ("1", "other")
    assert "unknown" in crash["body"]
    assert (restart["run"], restart["parent_run"]) == ("1.1", "1")
    assert restart["checkpoint_step"] in (20, 30)
    weights = [
        {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
        for folder in (undisturbed, killed)
    ]
    assert weights[0] == weights[1]


def test_a_run_stopped_by_hand_says_so_and_is_no_crash(tmp_path):
    def say(sentence):
        if sentence == "step 20: checkpoint written":
            raise KeyboardInterrupt

    options = TrainOptions(tmp_path, progress_bar=False, checkpoint_every=20)
    with pytest.raises(KeyboardInterrupt):
        train(PRESETS["tiny"], options, say)
    train(PRESETS["tiny"], options, lambda _: None)
    entries = read_jsonl(tmp_path / "logbook.jsonl")
    assert "crash" not in [entry["kind"] for entry in entries]
    [stop] = [
        entry for entry in entries if entry.get("cause") == "operator" and "ended_at" in entry
    ]
    [restart] = [entry for entry in entries if entry["kind"] == "restart"]
    assert (stop["run"], stop["automatic"], stop["step"]) == ("1", False, 20)
    assert (restart["run"], restart["cause"], restart["step"]) == ("1.1", "operator", 20)


def test_a_run_that_diverges_says_so(tmp_path):
    settings = replace(PRESETS["tiny"], learning_rate=1e30, warmup_steps=1)
    with pytest.raises(TrainError, match="not finite at step"):
        train(settings, TrainOptions(tmp_path, progress_bar=False), lambda _: None)
    last = read_jsonl(tmp_path / "logbook.jsonl")[-1]
    assert (last["kind"], last["cause"]) == ("crash", "divergence")


def test_a_finished_folder_is_left_alone(trained):
    before = {path: path.read_bytes() for path in trained.iterdir()}
    said = []
    train(PRESETS["tiny"], TrainOptions(trained, progress_bar=False), said.append)
    assert "finished run of 40 steps" in said[0]
    assert {path: path.read_bytes() for path in trained.iterdir()} == before


def test_other_settings_for_the_same_folder_are_refused(trained):
    settings = replace(PRESETS["tiny"], steps=50)
    with pytest.raises(TrainError, match="steps was 40, now 50"):
        train(settings, TrainOptions(trained, progress_bar=False), print)


def test_resuming_nothing_is_refused(tmp_path):
    options = TrainOptions(tmp_path, must_resume=True, progress_bar=False)
    with pytest.raises(TrainError, match="no checkpoint"):
        train(PRESETS["tiny"], options, print)


def test_a_torn_line_is_cut_and_not_an_entry(tmp_path):
    path = tmp_path / "logbook.jsonl"
    Logbook(path, "1").write("launch", "Starts.")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "upd')
    assert [entry["kind"] for entry in read_logbook(path)] == ["launch"]
    assert cut_torn_line(path) == 13
    assert path.read_bytes() == whole
    assert Logbook(path, "1").write("note", "Goes on.")["entry"] == 2


def test_unknown_kinds_and_causes_are_refused(tmp_path):
    logbook = Logbook(tmp_path / "logbook.jsonl", "1")
    with pytest.raises(ValueError, match="unknown kind"):
        logbook.write("gossip", "")
    with pytest.raises(ValueError, match="cause"):
        logbook.write("crash", "", cause="gremlins")


def test_hours_are_counted_per_run_without_pauses():
    times = [("1", "10:00"), ("1", "11:00"), ("1.1", "15:00"), ("1.1", "15:30")]
    entries = [{"run": run, "occurred_at": f"2026-11-23T{at}:00+00:00"} for run, at in times]
    assert run_hours(entries) == 1.5


def test_our_adamw_is_torchs():
    from inference.training.optimizer import AdamW

    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(5, 3, bias=False), torch.nn.Linear(5, 3, bias=False)
    theirs.load_state_dict(ours.state_dict())
    optimizer = AdamW(ours, (0.9, 0.95), 0.1)
    peer = torch.optim.AdamW(theirs.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(10):
        rate = 0.01 * (step + 1)
        peer.param_groups[0]["lr"] = rate
        x = torch.randn(4, 5)
        for model in (ours, theirs):
            model(x).square().sum().backward()
        optimizer.step(rate)
        peer.step()
        peer.zero_grad()
    torch.testing.assert_close(ours.weight, theirs.weight)
