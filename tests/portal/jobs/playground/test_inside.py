"""The inside of a model is shown as pictures of attention and of what each layer guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.numpy import load_file

from inference import Engine, SamplingParams
from inference.config import OptConfig
from inference.interp.tensors_file import write_captured
from portal.jobs.hosting import hosted_model
from portal.jobs.playground.inside import (
    MOST_POSITIONS,
    InsideView,
    captures_of_playground,
    longest_inside,
    shade_of,
)

GREEDY = SamplingParams(max_tokens=6, temperature=0.0, ignore_eos=True)


@pytest.fixture(scope="module")
def shape(model):
    return OptConfig.from_directory(model)


@pytest.fixture
def look_inside(model, shape, hosted, tmp_path):
    """Return a function that runs a prompt and returns its view, what was captured, its tokens."""

    def run(prompt):
        captures = captures_of_playground(shape, len(prompt) + 6)
        with Engine(model) as engine:
            [output] = engine.generate([prompt], GREEDY, captures=captures)
        [sample] = output.outputs
        path = tmp_path / "captures.safetensors"
        with path.open("wb") as file:
            write_captured(file, {0: sample.captured})
        tokens = [*prompt, *sample.token_ids]
        served = hosted_model(hosted.revisions.get())
        return InsideView(load_file(path), tokens, len(prompt), served), sample.captured, tokens

    return run


def test_of_a_small_model_every_layer_is_looked_into(shape):
    attention, lens = captures_of_playground(shape, 40)
    assert attention.layers == list(range(shape.num_hidden_layers))
    assert lens.layers is None


def test_of_a_large_model_the_last_layers_are_and_of_a_long_text_none(shape):
    large = replace(shape, num_hidden_layers=96, hidden_size=12288, num_attention_heads=96)
    attention, _ = captures_of_playground(large, 100)
    assert attention.layers == [92, 93, 94, 95]
    longest = longest_inside(large)
    assert captures_of_playground(large, longest)
    assert captures_of_playground(large, longest + 1) == []


def test_each_word_has_the_weight_that_the_head_gives_it(look_inside):
    view, captured, tokens = look_inside([2, *range(7, 20)])
    chosen = view.chosen(0, 1, 9)
    words = view.words(chosen)
    weights = captured.values("attention", 0)[9, 1]
    assert [word.position for word in words] == list(range(len(tokens) - 1))
    for word in words:
        assert word.weight == f"{100 * float(weights[word.position]):.1f}\N{NO-BREAK SPACE}%"
        assert word.is_later == (word.position > 9)
        assert word.is_chosen == (word.position == 9)


def test_what_is_asked_for_and_is_not_there_gives_the_last_layer_and_position(look_inside):
    view, _, tokens = look_inside([2, 7, 8])
    chosen = view.chosen(99, None, -1)
    assert (chosen.layer, chosen.head, chosen.position) == (1, 0, len(tokens) - 2)


def test_the_picture_has_a_cell_for_each_weight_that_is_dark_enough(look_inside):
    view, captured, tokens = look_inside([2, *range(7, 12)])
    chosen = view.chosen(1, 0, None)
    paths = {part.shade: part.path for part in view.picture(chosen)}
    weights = captured.values("attention", 1)[:, 0]
    for row in range(len(tokens) - 1):
        for column in range(row + 1):
            shade = shade_of(float(weights[row, column]), float(weights[row].max()))
            assert (f"M{column} {row}h1" in paths.get(shade, "")) == (shade > 0)


def test_of_a_long_text_the_end_is_shown(look_inside):
    view, _, tokens = look_inside([2, *range(7, 7 + 80)])
    assert len(view.positions) == MOST_POSITIONS
    assert view.positions[-1] == len(tokens) - 2
    words = view.words(view.chosen(None, None, None))
    assert len(words) == MOST_POSITIONS
    assert max(word.shade for word in words) == 4  # however thin it is spread


def test_the_lens_says_what_each_layer_expected_where_the_text_was_written(look_inside):
    view, captured, tokens = look_inside([2, 7, 8, 9])
    lens = view.lens
    assert len(lens.written) == 6
    assert [row.layer for row in lens.rows] == [1, 0]
    assert all(cell.agrees for cell in lens.rows[0].cells)  # greedy: the last layer's is written
    expected = captured.indices("logit_lens", 0)[3:9, 0]
    agreeing = expected == torch.tensor(tokens[4:])
    assert [cell.agrees for cell in lens.rows[1].cells] == agreeing.tolist()
