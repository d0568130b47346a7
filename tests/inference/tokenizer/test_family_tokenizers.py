"""Tokenizers in the files that the family's folders have, as AutoTokenizer reads them."""

import json
import random

import pytest
import torch

from inference import Engine, SamplingParams
from inference.errors import TokenizerError
from inference.tokenizer import Tokenizer
from tests.inference.folders import vocabulary
from tests.inference.folders.vocabulary import ADDED, TEXTS, TOKENS
from tests.inference.tiny_opts import make_opt

FLAGS = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
STRIPPED = [
    " a<|l|> b", "a <|l|>b", "a <|r|>  b", "x<|w|>y <|w|> z", "A<|n|>é", "<|l|><|r|><|w|><|n|>",
    "<|s|>", " <|s|>\n", "<mask>", "<|endoftext|>", "<s></s>",
]  # fmt: skip
DESCRIBED = {
    "300": {"content": "<|l|>", **FLAGS, "lstrip": True, "special": False},
    "301": {"content": "<|r|>", **FLAGS, "rstrip": True, "special": True},
    "302": {"content": "<|w|>", **FLAGS, "single_word": True, "special": False},
    "303": {"content": "<|n|>", **FLAGS, "normalized": True, "special": False},
}


def described(content, **flags):
    return {"__type": "AddedToken", "content": content, **FLAGS, **flags}


def pair(folder):
    vocabulary.write_published(folder)


def pair_alone(folder):
    vocabulary.write_pair(folder)


def saved(folder):
    vocabulary.save_tokenizer(folder, ADDED)


def saved_special(folder):
    vocabulary.save_tokenizer(folder, ADDED, special=True)


def saved_beside_pair(folder):
    vocabulary.save_tokenizer(folder, ADDED)
    vocabulary.write_published(folder)


def of_the_trainer(folder):
    from inference.training.corpus.tokenizing import train_tokenizer

    train_tokenizer([text * 9 for text in TEXTS], TOKENS, folder)


KINDS = {
    function.__name__: function
    for function in (pair, pair_alone, saved, saved_special, saved_beside_pair, of_the_trainer)
}
CHANGES = {  # of tokenizer_config.json; ... removes a field
    "nothing": {},
    "no start token": {"add_bos_token": False},
    "start and end tokens": {"add_bos_token": True, "add_eos_token": True},
    "an end token alone": {"add_bos_token": False, "add_eos_token": True},
    "another start token": {"bos_token": "<s>"},
    "no start token named": {"bos_token": None},
    "GPT-2's start token": {"bos_token": ..., "unk_token": ...},
    "a new start token": {"bos_token": "<|start|>", "add_bos_token": True},
    "a prefixed space": {"add_prefix_space": True},
    "a described mask token": {"mask_token": described("<mask>", lstrip=True)},
    "a token of its own": {"answer_token": "<|s|>"},
    "a described token of its own": {"answer_token": described("<|s|>", rstrip=True)},
    "additional tokens": {"additional_special_tokens": ["<|s|>", described("<|l|>", lstrip=True)]},
    "extra tokens": {"extra_special_tokens": ["<|s|>", "</s>", "<|s|>"]},
    "named extra tokens": {"extra_special_tokens": {"answer_token": "<|s|>"}},
    "model specific tokens": {"model_specific_special_tokens": {"answer_token": "<|s|>"}},
    "listed tokens": {"added_tokens_decoder": DESCRIBED},
    "listed tokens that are special": {
        "added_tokens_decoder": {
            "2": {"content": "</s>", **FLAGS, "special": False, "lstrip": True}, **DESCRIBED
        },
        "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<|l|>",
    },
    "listed tokens with a gap": {
        "added_tokens_decoder": {"310": DESCRIBED["300"], "305": DESCRIBED["301"]}
    },
    "no tokens listed": {"added_tokens_decoder": {}},
    "of another class": {"tokenizer_class": "PreTrainedTokenizerFast"},
    "of the fast class": {"tokenizer_class": "GPT2TokenizerFast"},
    "of no class": {"tokenizer_class": ...},
    "of other lengths and sides": {
        "model_max_length": 5, "padding_side": "left", "errors": "ignore", "chat_template": "x",
        "clean_up_tokenization_spaces": True,
    },
}  # fmt: skip


def change(folder, changes):
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) if path.is_file() else {}
    fields = {name: value for name, value in (config | changes).items() if value is not ...}
    path.write_text(json.dumps(fields))


def peer_of(folder):
    from transformers import AutoTokenizer

    (folder / "config.json").write_text('{"model_type": "opt"}')
    return AutoTokenizer.from_pretrained(folder)


def require_same(folder, texts=(*TEXTS, *STRIPPED)):
    peer = peer_of(folder)
    tokenizer = Tokenizer.from_directory(folder)
    assert {text: tokenizer.encode(text) for text in texts} == {
        text: peer(text)["input_ids"] for text in texts
    }
    assert tokenizer.vocab_size == max(peer.get_vocab().values()) + 1
    for text in texts:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == peer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_autotokenizer(tmp_path, kind, changes):
    KINDS[kind](tmp_path)
    if CHANGES[changes]:
        change(tmp_path, CHANGES[changes])
    if kind.startswith("pair") and changes == "of another class":
        with pytest.raises(TokenizerError, match=r"cannot read .*tokenizer\.json"):
            Tokenizer.from_directory(tmp_path)
    else:
        require_same(tmp_path)


@pytest.mark.parametrize("kind", ["pair", "saved_beside_pair"])
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    "special_map",
    [
        None,
        {},
        {"bos_token": "<s>", "mask_token": {"content": "<mask>", **FLAGS, "lstrip": True}},
        {"additional_special_tokens": ["<|user|>", "<|s|>"], "answer_token": "<|n|>"},
        {"extra_special_tokens": ["<|s|>", {"content": "<|r|>", **FLAGS, "rstrip": True}]},
        {"extra_special_tokens": {"answer_token": "<|s|>"}},
    ],
)
def test_early_files_count_where_the_config_lists_no_tokens(tmp_path, kind, listed, special_map):
    KINDS[kind](tmp_path)
    vocabulary.write_added(tmp_path, [*ADDED, "<|l|>", "</s>"])
    change(tmp_path, {"added_tokens_decoder": DESCRIBED if listed else ...})
    (tmp_path / "special_tokens_map.json").unlink()
    if special_map is not None:
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(special_map))
    require_same(tmp_path)


@pytest.mark.parametrize("entry", [{"add_prefix_space": True}, {"add_bos_token": False}])
def test_a_map_of_special_tokens_sets_nothing_else(tmp_path, entry):
    pair(tmp_path)
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(entry))
    [name] = entry
    with pytest.raises(TokenizerError, match=rf"special_tokens_map\.json: {name} is no"):
        Tokenizer.from_directory(tmp_path)


@pytest.mark.parametrize("of_class", ["GPT2Tokenizer", "PreTrainedTokenizerFast"])
def test_what_else_a_tokenizer_file_says_counts_as_its_class_has_it(tmp_path, of_class):
    saved(tmp_path)
    path = tmp_path / "tokenizer.json"
    stored = json.loads(path.read_text())
    stored |= {
        "normalizer": {"type": "Lowercase"},
        "truncation": {
            "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0,
        },
        "padding": {
            "strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None,
            "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>",
        },
        "pre_tokenizer": {**stored["pre_tokenizer"], "add_prefix_space": True},
        "post_processor": None,
    }  # fmt: skip
    path.write_text(json.dumps(stored))
    change(tmp_path, {"tokenizer_class": of_class})
    require_same(tmp_path)


def test_random_texts_have_the_ids_of_autotokenizer(tmp_path):
    pair(tmp_path)
    change(tmp_path, {"added_tokens_decoder": DESCRIBED})
    draw = random.Random(0)
    pieces = [*TEXTS, *STRIPPED, "a", " ", "\n", "é", "</s>", "<|l|>", "<|r|>", "<|w|>", "<|n|>"]
    require_same(tmp_path, ["".join(draw.choices(pieces, k=5)) for _ in range(100)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"auto_map": {"AutoTokenizer": ["a.B", None]}}, "auto_map isn't supported"),
        ({"tokenizer_class": "LlamaTokenizer"}, "tokenizer_class 'LlamaTokenizer'"),
        ({"split_special_tokens": True}, "split_special_tokens"),
        ({"fast_tokenizer_files": ["tokenizer.4.0.json"]}, "fast_tokenizer_files"),
        ({"add_bos_token": "true"}, "add_bos_token must be true or false"),
        ({"bos_token": 5}, "bos_token must be"),
        ({"bos_token": {"content": "</s>"}}, "bos_token must be"),
        ({"added_tokens_decoder": {"x": DESCRIBED["300"]}}, "'x' is no id"),
        ({"added_tokens_decoder": {"300": "<|l|>"}}, "added_tokens_decoder must describe"),
        ({"added_tokens_decoder": {"300": {"content": "a", "lstrip": 1}}}, "must describe"),
        ({"added_tokens_decoder": []}, "added_tokens_decoder must be an object"),
        ({"extra_special_tokens": "x"}, r"extra_special_tokens .* must be"),
        ({"vocab": {"a": 0}}, "vocab isn't supported"),
    ],
)
def test_what_would_make_another_tokenizer_is_refused_by_name(tmp_path, changes, said):
    pair(tmp_path)
    (tmp_path / "special_tokens_map.json").unlink()
    change(tmp_path, changes)
    with pytest.raises(TokenizerError, match=said):
        Tokenizer.from_directory(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer.json",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
        "special_tokens_map.json",
    ],
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        ("<!doctype html><html>", "is a web page"),
    ],
)
def test_what_lies_in_the_place_of_a_tokenizers_file_is_named(tmp_path, name, text, said):
    (saved if name == "tokenizer.json" else pair)(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(TokenizerError, match=rf"{name} {said}"):
        Tokenizer.find(tmp_path)


@pytest.mark.parametrize("of_class", ["GPT2Tokenizer", "PreTrainedTokenizerFast"])
@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("added_tokens", None, "added_tokens must be a list"),
        ("added_tokens", [5], "added_tokens must be a list"),
        ("added_tokens", [{"id": 5, "content": 5}], "added_tokens must describe each token"),
        ("model", {"type": "Unigram"}, r"tokenizer\.json is not a"),
        ("model", {"type": "BPE", "vocab": {}, "merges": []}, "holds no token"),
        ("model", {"type": "BPE", "vocab": {"a": -1}, "merges": []}, "is not a tokenizer"),
        ("model", {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}, "is not a tokenizer"),
        ("post_processor", {"type": "x"}, "is not a tokenizer"),
    ],
)
def test_a_damaged_tokenizer_file_is_refused_by_name(tmp_path, of_class, part, value, said):
    saved(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {part: value}))
    if part == "model":
        change(tmp_path, {"added_tokens_decoder": {}, "tokenizer_class": of_class})
        names = ("bos_token", "eos_token", "unk_token", "pad_token")
        change(tmp_path, dict.fromkeys(names))
        path.write_text(json.dumps(json.loads(path.read_text()) | {"added_tokens": []}))
    else:
        change(tmp_path, {"added_tokens_decoder": ..., "tokenizer_class": of_class})
    with pytest.raises(TokenizerError, match=said):
        Tokenizer.from_directory(tmp_path)


def test_what_makes_the_tokenizers_library_panic_is_refused(tmp_path):
    saved(tmp_path)
    path = tmp_path / "tokenizer.json"
    stored = json.loads(path.read_text())
    stored["post_processor"]["special_tokens"] = {}
    path.write_text(json.dumps(stored))
    with pytest.raises(TokenizerError, match=r"tokenizer\.json makes no tokenizer that works"):
        Tokenizer.from_directory(tmp_path)


def test_a_vocabulary_of_far_ids_is_no_work(tmp_path):
    pair(tmp_path)
    words = json.loads((tmp_path / "vocab.json").read_text()) | {"far": 2**32 - 1}
    (tmp_path / "vocab.json").write_text(json.dumps(words))
    tokenizer = Tokenizer.from_directory(tmp_path)
    assert tokenizer.vocab_size == 2**32
    assert tokenizer.longest_token_bytes < 99


@pytest.mark.parametrize("absent", ["vocab.json", "merges.txt"])
def test_half_a_pair_is_refused(tmp_path, absent):
    pair(tmp_path)
    (tmp_path / absent).unlink()
    with pytest.raises(TokenizerError, match=rf"cannot read .*{absent}"):
        Tokenizer.find(tmp_path)


def test_a_folder_without_any_has_none(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    assert Tokenizer.find(tmp_path) is None


@pytest.mark.parametrize("count", [2, 9])
def test_added_tokens_in_the_spare_rows_of_the_familys_table_are_drawn(tmp_path, count):
    """With 9 the tokenizer holds more than the table, as where a resize was forgotten."""
    pair(tmp_path)
    words = json.loads((tmp_path / "vocab.json").read_text())
    words |= {f"madeupword{number}": number for number in range(TOKENS, 50_265)}
    (tmp_path / "vocab.json").write_text(json.dumps(words))
    added = [f"<|added {number}|>" for number in range(count)]
    (tmp_path / "added_tokens.json").write_text(
        json.dumps({token: 50_265 + number for number, token in enumerate(added)})
    )
    peer = make_opt(tmp_path, vocab_size=50_272, num_hidden_layers=1)
    with torch.no_grad():
        hidden = peer.model.decoder(torch.tensor([[2, 5]])).last_hidden_state[0, -1]
        peer.model.decoder.embed_tokens.weight[50_266] = 9 * hidden.sign()
    peer.save_pretrained(tmp_path)
    likeliest = int(peer(torch.tensor([[2, 5]])).logits[0, -1].argmax())

    with Engine(tmp_path) as engine:
        [output] = engine.generate([[2, 5]], SamplingParams(max_tokens=1, temperature=0))
        assert output.outputs[0].token_ids == [likeliest] == [50_266]
        assert output.outputs[0].text == added[1]
        if count > 7:
            with pytest.raises(ValueError, match="as 50272, and the model only 50272 rows"):
                engine.generate(added[7])
