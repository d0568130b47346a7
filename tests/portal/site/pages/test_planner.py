"""The planner's page: what fits and why not, for anybody, at an address of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.plan import Machine, named_gpu, named_shape, plan, plan_best
from tests.factories.catalog import make_folder, make_repo, make_revision

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[4]
CONFIG = {
    "model_type": "opt",
    "architectures": ["OPTForCausalLM"],
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "ffn_dim": 3072,
    "vocab_size": 50272,
    "max_position_embeddings": 2048,
    "word_embed_proj_dim": 768,
    "do_layer_norm_before": True,
}
OWN = "machine=mine&gpus=2&memory_gb=24&bandwidth_gb_s=936&tflops=71&watts=350"


def rounded(figures):
    """Round floats as deep as they lie: the two programs write them with other digits."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    if isinstance(figures, list):
        return [rounded(value) for value in figures]
    return float(f"{figures:.9g}") if isinstance(figures, float) else figures


def words_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_without_a_query_it_plans_the_largest_opt_on_sixteen_v100s(client):
    page = client.get("/planner")
    words = words_of(page)
    assert "OPT-175B fits 16 × V100, 32 GB each" in words
    assert words.count(">GPU 16</text>") == 2  # a wide plot, and a narrow one
    result = page.context["result"]
    assert result.made.plan.full_sequences == 12
    assert result.kilowatts == pytest.approx(16 * 0.3 * 1.1)
    for name in ("GPT-3 175B", "MT-NLG 530B", "PaLM 540B"):
        assert name in words


def test_it_says_what_the_command_says(client):
    arguments = ["plan", "--name", "opt-66b", "--gpus", "8", "--gpu", "a100-80", "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "inference", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = json.loads(ran.stdout)
    del printed["steps"]
    data = client.get("/api/v1/planner/?model=opt-66b&machine=8xa100-80").json()
    assert rounded(data["plan"]) == rounded(printed)


def test_what_does_not_fit_says_why_and_by_how_much(client):
    page = client.get("/planner?model=mt-nlg-530b&machine=8xa100-80")
    assert page.status_code == 200
    words = words_of(page)
    assert "MT-NLG 530B doesn’t fit 8 × A100, 80 GB each" in words
    reason = plan_best(named_shape("mt-nlg-530b"), Machine(8, named_gpu("a100-80"))).reasons[0]
    assert reason.replace("'", "’")[1:] in words
    assert "too little" in words
    assert "only what others sell can be compared" in words


def test_gpus_of_ones_own_are_planned_at_an_address(client):
    page = client.get(f"/planner?model=opt-6.7b&{OWN}&per_hour=0.5")
    words = words_of(page)
    assert "OPT-6.7B fits 2 × your GPU, 24 GB each" in words
    assert "as given above" in words
    assert page.context["result"].kilowatts == pytest.approx(0.77)
    assert (
        client.get(f"/planner?model=opt-6.7b&{OWN}").context["result"].costs.lines[0].amount is None
    )


NONSENSE = [
    ("model=opt-9b", "model"),
    ("model=nobody/nothing", "model"),
    ("machine=abacus", "machine"),
    ("dtype=roman", "dtype"),
    ("tokens_per_month=0", "tokens_per_month"),
    ("tokens_per_month=many", "tokens_per_month"),
    ("machine=mine", "gpus"),
    (OWN.replace("gpus=2", "gpus=0"), "gpus"),
    (OWN.replace("gpus=2", "gpus=2000"), "gpus"),
    (OWN.replace("=24&", "=nan&"), "memory_gb"),
    (OWN.replace("=936", "=inf"), "bandwidth_gb_s"),
    (OWN.replace("=71", "=-1"), "tflops"),
    (OWN.replace("=350", "=1e300"), "watts"),
    (f"{OWN}&link_gb_s=0", "link_gb_s"),
    (f"{OWN}&per_hour=free", "per_hour"),
]


UNUSED = ["gpus=abc", "memory_gb=-1", "bandwidth_gb_s=inf", "tflops=x", "watts=0", "link_gb_s=nan"]


@pytest.mark.parametrize("field", UNUSED)
def test_gpus_of_ones_own_count_only_where_they_are_chosen(client, field):
    page = client.get(f"/planner?machine=8xa100-80&{field}")
    assert page.status_code == 200
    assert page.context["result"].machine_label == "8 × A100, 80 GB each"
    assert client.get(f"/api/v1/planner/?machine=8xa100-80&{field}").status_code == 200


WRITTEN = ["1,000,000", "1 000 000", "1\u00a0000\u00a0000", "1\u202f000\u202f000", "1000000"]


@pytest.mark.parametrize("tokens", WRITTEN)
def test_numbers_are_taken_as_pages_write_them(client, tokens):
    page = client.get("/planner", {"tokens_per_month": tokens})
    assert page.context["result"].costs.tokens == 1_000_000
    own = OWN.replace("=936", f"={quote(tokens)}").replace("=71", "=1,000.5")
    assert client.get(f"/planner?{own}").status_code == 200


@pytest.mark.parametrize("tokens", ["1,00", "10,0000", "1,000 000", ",100", "1,5"])
def test_commas_elsewhere_are_a_mistake(client, tokens):
    assert client.get("/planner", {"tokens_per_month": tokens}).status_code == 422


@pytest.mark.parametrize("field", ["model", "machine", "dtype", "tokens_per_month", "gpus"])
def test_an_empty_field_is_as_good_as_left_out(client, field):
    assert client.get(f"/planner?{field}=").status_code == 200
    answer = client.get(f"/api/v1/planner/?{field}=")
    assert answer.json() == client.get("/api/v1/planner/").json()


def test_the_docs_have_speeds_with_and_without_what_gpus_exchange():
    text = (ROOT / "docs" / "planning.md").read_text()
    for name, gpus in (("v100-32", 16), ("a100-80", 8), ("h200-141", 8)):
        for dtype, words in (("float16", "float16"), ("int8", "int8, on paper")):
            machine = Machine(gpus, named_gpu(name), tensor_parallel_size=gpus)
            made = plan(named_shape("opt-175b"), machine, dtype)
            assert made.roofline is not None
            [joined] = [way for way in made.splits if way.tensor_parallel_size == gpus]
            speeds = [joined.one_stream, made.roofline.one_stream, joined.full, made.roofline.full]
            [row] = [
                line
                for line in text.splitlines()
                if line.startswith(f"| {gpus} × {name.upper()} | {words} |")
            ]
            assert row.endswith(f"| {' | '.join(f'{speed:,.0f}' for speed in speeds)} |")


@pytest.mark.parametrize(("query", "field"), NONSENSE)
def test_nonsense_is_refused_by_its_field(client, query, field):
    page = client.get(f"/planner?{query}")
    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert "result" not in page.context
    answer = client.get(f"/api/v1/planner/?{query}")
    assert answer.status_code == 400
    assert field in json.dumps(answer.json())


def test_a_model_of_this_portal_is_planned_by_its_own_config(client, tmp_path):
    repo = make_repo("opt-own")
    make_folder(tmp_path, **{"config.json": json.dumps(CONFIG)})
    make_revision(repo, tmp_path)
    link = f"/planner?model={repo.full_name}"
    assert link in client.get(f"/{repo.full_name}").content.decode()
    page = client.get(link)
    assert page.status_code == 200
    result = page.context["result"]
    assert result.title == repo.full_name
    assert result.made.shape.parameters == named_shape("opt-125m").parameters


def test_a_private_model_is_not_known_to_strangers(client, tmp_path):
    repo = make_repo("unseen", private=True)
    make_revision(repo, tmp_path)
    assert client.get(f"/planner?model={repo.full_name}").status_code == 422


def test_the_family_is_history_and_what_is_here_is_linked(client):
    words = words_of(client.get("/planner"))
    assert words.count("not here") == 9
    repo = make_repo("opt-30b", gate="open", family="OPT")
    page = client.get("/?family=OPT&q=30b")
    words = words_of(page)
    assert words.count("not here") == 8
    assert (
        f'<a href="/{repo.full_name}">{repo.full_name}</a> <span class="quiet">without weights'
        in words
    )
    assert "The OPT family in 2022" not in words_of(client.get("/"))


def test_it_asks_little_of_the_database(client):
    client.get("/planner")
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/planner").status_code == 200
    assert len(captured) <= 3
