import pytest
import torch

from inference import Engine, SamplingParams
from inference.model.attention import CausalWindows
from inference.model.loader import load_model
from tests.inference.tiny_opts import RAGGED, greedy_reference, reference_logits, tokens_of

GREEDY = SamplingParams(max_tokens=12, temperature=0.0, ignore_eos=True)


def test_logits_are_transformers(opt):
    directory, peer = opt
    with Engine(directory) as engine:
        model = load_model(directory, engine.config, "float32", "cpu")
    tokens = torch.tensor(RAGGED[3])
    logits = model(tokens, torch.arange(len(tokens)), CausalWindows(1, len(tokens)))
    torch.testing.assert_close(logits, reference_logits(peer, RAGGED[3]), atol=1e-4, rtol=0)


def test_greedy_tokens_are_transformers_for_ragged_prompts_in_one_batch(opt):
    directory, peer = opt
    with Engine(directory, max_num_batched_tokens=24) as engine:
        outputs = engine.generate(RAGGED, GREEDY)
    assert tokens_of(outputs) == [greedy_reference(peer, prompt, 12) for prompt in RAGGED]


def test_logprobs_are_the_log_softmax_of_transformers_logits(opt):
    directory, peer = opt
    params = SamplingParams(max_tokens=6, temperature=0.7, seed=1, logprobs=3, prompt_logprobs=2)
    with Engine(directory, max_num_batched_tokens=24) as engine:
        [output] = engine.generate([RAGGED[3]], params)
    tokens = RAGGED[3] + output.outputs[0].token_ids
    reference = reference_logits(peer, tokens).log_softmax(-1)
    entries = output.prompt_logprobs + output.outputs[0].logprobs
    assert entries[0] is None
    assert len(entries) == len(tokens)
    for place in range(1, len(tokens)):
        for token, entry in entries[place].items():
            expected = reference[place - 1]
            assert entry.logprob == pytest.approx(expected[token].item(), abs=1e-4)
            assert entry.rank == int((expected > expected[token]).sum()) + 1


def test_the_last_position_is_reached_and_the_next_refused(plain_opt):
    directory, peer = plain_opt
    prompt = [2] + [7] * 93
    with Engine(directory) as engine:
        params = SamplingParams(max_tokens=2, temperature=0.0, ignore_eos=True)
        assert tokens_of(engine.generate([prompt], params)) == [greedy_reference(peer, prompt, 2)]
        with pytest.raises(ValueError, match="prompt 0: 94 prompt tokens and 3 new ones are 97"):
            engine.generate([prompt], SamplingParams(max_tokens=3))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near(plain_opt, dtype):
    directory, peer = plain_opt
    params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0)
    with Engine(directory, dtype=dtype) as engine:
        [output] = engine.generate([RAGGED[2]], params)
    reference = reference_logits(peer, RAGGED[2]).log_softmax(-1)
    for place, token in list(enumerate(RAGGED[2]))[1:]:
        expected = reference[place - 1, token].item()
        # 8 bits of mantissa over logits up to about 20
        assert output.prompt_logprobs[place][token].logprob == pytest.approx(expected, abs=0.5)


def test_int8_foresees_what_float32_does(trained):
    """Teacher-forced: the likeliest next token, given the same text before it."""
    text = list(range(5, 260))
    params = SamplingParams(max_tokens=0, prompt_logprobs=1)
    likeliest = []
    for dtype in ("float32", "int8"):
        with Engine(trained, dtype=dtype) as engine:
            [output] = engine.generate([text], params)
        likeliest.append([_best(entry) for entry in output.prompt_logprobs[1:]])
    agreed = sum(token == int8_token for token, int8_token in zip(*likeliest, strict=True))
    assert agreed >= 0.95 * len(likeliest[0])


def _best(entry):
    return max(entry, key=lambda token: entry[token].logprob)
