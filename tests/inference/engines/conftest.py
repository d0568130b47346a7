"""Both engines on the same small models. vLLM where WEIGHTGATE_TEST_VLLM names its command."""

import os

import pytest

from inference import Engine
from inference.training.corpus.tokenizing import train_tokenizer
from inference.vllm.engine import VllmEngine
from inference.vllm.server import VllmOptions
from tests.factories.llamas import CONTEXT_LENGTH as CONTEXT
from tests.factories.llamas import TEXTS, make_llama
from tests.inference.engines.samples import Subject
from tests.inference.tiny_opts import make_opt

VLLM = os.environ.get("WEIGHTGATE_TEST_VLLM", "")
NO_VLLM = "vLLM isn’t here: make test-peers ARGS=vllm installs it and runs this"
# vLLM's CPU kernels want heads of 32 at least.
SIZES = {"hidden_size": 64, "num_attention_heads": 2, "word_embed_proj_dim": 64}
OPTIONS = VllmOptions(
    command=VLLM,
    arguments=("--enforce-eager", "--max-model-len", str(CONTEXT)),
    dtype="float32",
    max_num_seqs=8,
    start_seconds=300.0,
)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Return a folder and transformers' model of each architecture, with one tokenizer."""
    made = {}
    for name in ("opt", "llama"):
        folder = tmp_path_factory.mktemp(f"engines-{name}")
        size = train_tokenizer(TEXTS, 300, folder).vocab_size
        peer = (
            make_opt(folder, vocab_size=size, max_position_embeddings=CONTEXT, **SIZES)
            if name == "opt"
            else make_llama(folder, size)
        )
        made[name] = folder, peer
    return made


@pytest.fixture(
    scope="session",
    params=[
        "native-opt",
        pytest.param("vllm-opt", marks=pytest.mark.skipif(not VLLM, reason=NO_VLLM)),
        pytest.param("vllm-llama", marks=pytest.mark.skipif(not VLLM, reason=NO_VLLM)),
    ],
)
def running(request, models):
    """Start one engine on one model, for all tests, since vLLM takes half a minute."""
    kind, _, model = request.param.partition("-")
    folder, peer = models[model]
    engine = Engine(folder, max_num_seqs=8) if kind == "native" else VllmEngine(folder, OPTIONS)
    with engine:
        yield Subject(engine, peer)


@pytest.fixture
def subject(running):
    """Return the engine, and check that a test leaves nothing behind in it."""
    yield running
    running.run_down()
    assert not running.engine.has_work
