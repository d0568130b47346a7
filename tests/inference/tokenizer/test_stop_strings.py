from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import Engine, SamplingParams
from inference.tokenizer.detokenizer import Detokenizer
from inference.tokenizer.stop_strings import StopString
from tests.cpu import cpu_seconds

ALPHABET = "ab☃é"


def detokenizer(pieces, stops, **options):
    """Make a detokenizer over pieces of bytes; token n stands for the nth."""
    tokenizer = SimpleNamespace(token_bytes=lambda token: pieces[token])
    return Detokenizer(tokenizer, [StopString(stop) for stop in stops], **options)


def overlap(text, stop):
    return next(n for n in range(len(stop) - 1, -1, -1) if text.endswith(stop[:n]))


def naive(pieces, stops, include, least):
    """Return the certain text after each piece and the stop string met, found by full searches."""
    certain, before = [], 0
    for number in range(1, len(pieces) + 1):
        text = b"".join(pieces[:number]).decode(errors="ignore")  # only the end may be cut
        met = [
            (start, start + len(stop), stop)
            for stop in stops
            for start in range(len(text))
            if text.startswith(stop, start) and start + len(stop) > before
        ]
        before = len(text)
        if met and number > least:
            start, end, stop = min(met)
            return [*certain, text[: end if include else start]], stop
        withheld = max((overlap(text, stop) for stop in stops), default=0)
        certain.append(text[: len(text) - withheld])
    return [*certain, b"".join(pieces).decode(errors="replace")], None


@settings(deadline=None)
@given(
    text=st.text(ALPHABET, max_size=30),
    cuts=st.sets(st.integers(1, 90)),
    stops=st.lists(st.text(ALPHABET, min_size=1, max_size=7), max_size=4),
    include=st.booleans(),
    least=st.integers(0, 12),
)
def test_stop_strings_are_met_as_a_search_through_all_the_text_meets_them(
    text, cuts, stops, include, least
):
    data = text.encode()
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    expected, stop = naive(pieces, stops, include, least)
    searched = detokenizer(pieces, stops, include_stop=include, min_tokens=least)
    found, told = [], ""
    for token in range(len(pieces)):
        told += searched.push(token)
        found.append(told)
        if searched.stopped:
            break
    else:
        found.append(told + searched.finish())
    assert (found, searched.stop_reason) == (expected, stop)


def seconds_per_token(text, stops):
    pieces = [text[start : start + 4].encode() for start in range(0, len(text), 4)]
    decoder = detokenizer(pieces, stops)
    seconds = cpu_seconds(lambda: [decoder.push(token) for token in range(len(pieces))])
    assert not decoder.stopped
    return seconds / len(pieces)


@pytest.mark.parametrize("period", [1, 2, 7600])
def test_a_token_costs_the_same_beside_120_kilobytes_of_stop_strings(period):
    # the text becomes each stop string, but for their last character
    text = ("abcdefgh" * 950)[:period] * (7600 // period)
    short = seconds_per_token(text, [f"{letter}Z" for letter in "abcdefghabcdefgh"])
    long = seconds_per_token(text, [text[place:] + "Z" for place in range(16)])
    assert long < 20 * short  # a search of the whole text each time took thousands


def test_samples_share_what_was_learnt_of_a_stop_string():
    stop = StopString("abab" * 50)
    assert stop.scan(0, "abab" * 20) == (80, 0)
    assert stop.scan(78, "abab" * 31) == (198, 200 - 78)  # goes on with what overlaps
    assert stop.scan(199, "a") == (1, 0)


@pytest.fixture
def free(trained_engine):
    """Return a greedy sample's tokens and text, and a function to run it with more parameters."""

    def ask(**more):
        params = SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True, **more)
        [output] = trained_engine.generate(["import os\n"], params)
        return output.outputs[0]

    return ask


def test_the_stop_string_is_named_and_may_stay_in_the_text(free):
    whole = free()
    stop = whole.text[5:8]
    end = whole.text.index(stop) + len(stop)
    left_out, kept = free(stop=["\x00", stop]), free(stop=[stop], include_stop_str_in_output=True)
    assert (whole.stop_reason, whole.finish_reason) == (None, "length")
    assert (left_out.stop_reason, kept.stop_reason) == (stop, stop)
    assert left_out.text == whole.text[: end - len(stop)]
    assert kept.text == whole.text[:end]
    assert kept.token_ids == left_out.token_ids


def test_a_stop_token_ends_the_sample_and_is_named(free):
    whole = free()
    stop = whole.token_ids[9]
    before = whole.token_ids.index(stop)
    ended, kept = (
        free(stop_token_ids=[stop]),
        free(stop_token_ids=[98, stop], include_stop_str_in_output=True),
    )
    assert (ended.finish_reason, ended.stop_reason) == ("stop", stop)
    assert ended.token_ids == kept.token_ids == whole.token_ids[: before + 1]
    assert whole.text.startswith(kept.text)
    assert len(kept.text) > len(ended.text)


def test_no_stop_string_is_met_within_the_first_tokens(free):
    whole = free()
    stop = next(char for char in whole.text[:5] if char in whole.text[5:])
    later = whole.text.index(stop, 5)
    ended = free(stop=stop, min_tokens=5)
    assert len(ended.token_ids) > 5
    assert ended.text == whole.text[: len(ended.text)]
    assert ended.stop_reason == stop
    assert len(ended.text) >= min(later, 5)


def test_a_stop_string_completed_by_a_cut_off_character_ends_the_sample(trained):
    with Engine(trained) as engine:
        snowman = engine.tokenizer.encode("☃")[1:]
        params = {"temperature": 0.0, "logit_bias": {snowman[0]: 100.0}}
        [output] = engine.generate([[2]], SamplingParams(max_tokens=1, stop="\ufffd", **params))
    sample = output.outputs[0]
    assert (sample.text, sample.finish_reason, sample.stop_reason) == ("", "stop", "\ufffd")
