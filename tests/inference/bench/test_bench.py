"""The bench on a model that takes no time; other engines are measured where they are installed."""

import json
from xml.etree import ElementTree

import pytest

from inference.__main__ import main
from inference.bench.bars import Bar
from inference.bench.chart import ChartBar, bar_chart
from inference.bench.peer import OURS, Peer, PeerAnswer, PeerFailed, Setup, environment
from inference.bench.rounds import Measured, Task, generate_in_batches, ratio


@pytest.fixture(scope="module")
def peer(plain_opt, tmp_path_factory):
    python = environment(OURS, tmp_path_factory.mktemp("none"))
    with Peer(Setup(OURS, max_num_seqs=2), python, plain_opt[0]) as peer:
        yield peer


def test_a_peer_answers_with_tokens_and_times_or_says_why_it_cannot_start(peer, plain_opt):
    answer = peer.generate([[2, 5], [2, 7]], [3, 4])
    assert [len(row) for row in answer.token_ids] == [3, 4]
    assert answer.cpu_seconds > 0
    assert 0 < answer.seconds < 60
    assert peer.call("bandwidth") > 1e8
    with pytest.raises(PeerFailed, match=r"int9: .*dtype must be one of"):
        Peer(Setup(OURS, "int9"), environment(OURS, plain_opt[0]), plain_opt[0])


def test_static_batches_give_the_same_tokens_as_joining_and_leaving(peer):
    task = Task([[2, 5], [2, 7, 9], [2, 11]], [6, 2, 3])
    together = peer.generate(task.prompts, task.new_tokens)
    assert generate_in_batches(peer, task).token_ids == together.token_ids


def test_a_run_tells_what_it_could_not_measure_and_writes_page_chart_and_data(
    trained, tmp_path, capsys
):
    status = main([
        "bench", "--model", str(trained), "--agreement", str(trained), "--peers",
        "--rounds", "1", "--prompt-tokens", "4", "--new-tokens", "4", "--concurrency", "1",
        "--requests", "9", "--dtypes", "float32", "--out", str(tmp_path),
    ])  # fmt: skip
    data = json.loads((tmp_path / "speed.json").read_text())
    verdicts = {bar["name"]: bar["verdict"] for bar in data["bars"]}
    assert verdicts["float32, 1 at once, over vllm"] == "not measured"
    assert status == int("MISSED" in verdicts.values())
    assert set(data["cells"]) == {"1 at once", "batching", "ranks, 1 at once"}
    assert data["failures"] == []
    agreed, places = data["agreement"]
    assert 0.9 * places < agreed <= places
    assert (tmp_path / "speed.md").read_text() == capsys.readouterr().out.removesuffix("\n")
    assert ElementTree.parse(tmp_path / "speed.svg").getroot().tag.endswith("svg")  # noqa: S314


def test_ratios_are_within_rounds_so_that_a_busy_one_counts_for_both():
    assert ratio([10, 1, 10], [5, 0.5, 4]) == 2
    measured = Measured(
        "x", 20, [PeerAnswer(4.0, 2.0, []), PeerAnswer(10.0, 5.0, []), PeerAnswer(2.0, 1.0, [])]
    )
    assert (measured.rate, measured.wall_rate) == (10, 5)


@pytest.mark.parametrize(
    ("value", "verdict"), [(None, "not measured"), (1.4, "kept"), (1.39, "MISSED")]
)
def test_a_bar_is_kept_missed_or_not_measured(value, verdict):
    assert Bar("x", 1.4, value).verdict == verdict


def test_a_charts_longest_bar_is_its_greatest_value():
    svg = bar_chart(
        "a < b", [("all", [ChartBar("ours", 20, True), ChartBar("theirs & co", 10, False)])]
    )
    widths = [
        float(rect.get("width"))
        for rect in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")  # noqa: S314
    ]
    assert widths[1] == 2 * widths[2]
