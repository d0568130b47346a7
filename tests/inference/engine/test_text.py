from dataclasses import replace

import pytest

from inference import EngineRequest, SamplingParams
from inference.tokenizer import Tokenizer
from inference.tokenizer.detokenizer import Detokenizer
from inference.tokenizer.stop_strings import StopString

TEXT = "def héllo(): return '☃ 𝄞'  # naïve"


@pytest.fixture
def tokenizer(trained):
    return Tokenizer.from_directory(trained)


def pieces(tokenizer, text, stop=()):
    detokenizer = Detokenizer(tokenizer, [StopString(text) for text in stop])
    texts = [detokenizer.push(token) for token in tokenizer.encode(text)]
    return [*texts, detokenizer.finish()], detokenizer.stopped


def test_the_end_token_stands_before_the_text(tokenizer):
    ids = tokenizer.encode("import os")
    assert ids[0] == 2
    assert tokenizer.decode(ids) == "import os"


def test_text_comes_in_whole_characters(tokenizer):
    found, _ = pieces(tokenizer, TEXT)
    assert "".join(found) == TEXT
    assert len(tokenizer.encode("𝄞")) > 2  # so that there was something to hold back
    assert not any("\ufffd" in piece for piece in found)


def test_a_character_cut_off_by_the_end_is_marked(tokenizer):
    detokenizer = Detokenizer(tokenizer)
    cut = tokenizer.encode("☃")[:-1]
    assert "".join(map(detokenizer.push, cut)) + detokenizer.finish() == "\ufffd"
    assert tokenizer.decode(cut) == "\ufffd"


@pytest.mark.parametrize(
    ("stop", "before"),
    [
        (("return",), "def héllo(): "),
        (("o():", "'"), "def héll"),
        (("☃",), "def héllo(): return '"),
    ],
)
def test_a_stop_string_over_token_borders_ends_the_text_before_it(tokenizer, stop, before):
    found, stopped = pieces(tokenizer, TEXT, stop)
    assert "".join(found) == before
    assert stopped


def test_what_might_become_a_stop_string_is_held_and_let_out(tokenizer):
    found, stopped = pieces(tokenizer, "abcabd", ("abcabcabc",))
    assert "".join(found) == "abcabd"
    assert found[:4] == [""] * 4
    assert not stopped


def test_the_engine_stops_at_a_stop_string(trained_engine):
    params = SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True)
    [free] = trained_engine.generate(["import os\n"], params)
    whole = free.outputs[0]
    stop = whole.text[5:8]
    [output] = trained_engine.generate(
        ["import os\n"],
        SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True, stop=[stop, "\x00"]),
    )
    assert output.outputs[0].finish_reason == "stop"
    assert output.outputs[0].text == whole.text[: whole.text.index(stop)]
    ids = output.outputs[0].token_ids
    assert ids == whole.token_ids[: len(ids)]


def test_streamed_text_is_generated_text(trained_engine):
    params = SamplingParams(max_tokens=30, seed=3, ignore_eos=True)
    [output] = trained_engine.generate(["import os"], params)
    events = list(trained_engine.stream("import os", params))
    assert "".join(event.text for event in events) == output.outputs[0].text
    assert output.outputs[0].text == trained_engine.tokenizer.decode(output.outputs[0].token_ids)
    assert [e.finish_reason for e in events] == [None] * 29 + ["length"]


def test_the_end_token_stops_with_its_logprob_and_no_text(trained_engine):
    free = SamplingParams(max_tokens=20, seed=1, ignore_eos=True)
    [output] = trained_engine.generate(["import os"], free)
    ids = output.outputs[0].token_ids
    end = ids[10]
    trained_engine.generation_config = replace(
        trained_engine.generation_config, eos_token_ids=(2, end)
    )
    [output] = trained_engine.generate(
        ["import os"], SamplingParams(max_tokens=20, seed=1, logprobs=0)
    )
    sample = output.outputs[0]
    assert sample.finish_reason == "stop"
    assert sample.token_ids == ids[: ids.index(end) + 1]
    assert list(sample.logprobs[-1]) == [end]
    assert sample.text == trained_engine.tokenizer.decode(sample.token_ids[:-1])


def test_ids_need_no_tokenizer(engine):
    [output] = engine.generate([[2, 50]], SamplingParams(max_tokens=2, logprobs=1))
    assert output.outputs[0].text == ""
    assert output.outputs[0].logprobs[0].popitem()[1].decoded_token is None
    with pytest.raises(ValueError, match=r"stop strings need the model's tokenizer\.json"):
        engine.generate([[2, 50]], SamplingParams(stop="x"))


def test_text_can_be_left_out(trained_engine):
    trained_engine.submit(EngineRequest([2], SamplingParams(max_tokens=3), detokenize=False))
    events = [event for _ in range(3) for event in trained_engine.step()]
    assert "".join(event.text for event in events) == ""


def test_tokens_past_the_tokenizers_are_never_drawn(tmp_path, trained):
    import shutil

    from inference import Engine
    from tests.inference.tiny_opts import make_opt

    make_opt(tmp_path, vocab_size=4096)
    shutil.copy(trained / "tokenizer.json", tmp_path)
    params = SamplingParams(n=4, max_tokens=20, temperature=5.0, logprobs=5, ignore_eos=True)
    with Engine(tmp_path) as engine:
        [output] = engine.generate([[2]], params)
        known = engine.tokenizer.vocab_size  # with the end token that AutoTokenizer adds here
    assert known <= 513
    for sample in output.outputs:
        assert max(sample.token_ids) < known
        assert max(token for entry in sample.logprobs for token in entry) < known


def test_the_rows_that_only_fill_up_opts_table_are_never_drawn(tmp_path):
    from inference import Engine
    from tests.inference.tiny_opts import make_opt

    peer = make_opt(tmp_path, vocab_size=50272, num_hidden_layers=1)
    params = SamplingParams(max_tokens=1, temperature=0.0, logprobs=3)
    with Engine(tmp_path) as engine:
        [before] = engine.generate([[2, 7]], params)
    [drawn] = before.outputs[0].token_ids
    rows = peer.get_input_embeddings().weight.data
    rows[50265:] = rows[drawn] * 2  # now each is likelier than what was drawn
    peer.save_pretrained(tmp_path)
    with Engine(tmp_path) as engine:
        [after] = engine.generate([[2, 7]], params)
    assert after.outputs[0].token_ids == [drawn]
    assert max(after.outputs[0].logprobs[0]) < 50265
    assert after.outputs[0].logprobs[0][drawn].rank == 8
