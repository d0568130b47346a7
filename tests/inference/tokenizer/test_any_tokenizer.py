"""Tokenizers of other architectures, as their tokenizer.json has them, beside transformers’."""

import json

import pytest
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from inference.errors import TokenizerError
from inference.tokenizer.any_tokenizer import FileTokenizer, find_tokenizer
from inference.tokenizer.detokenizer import Detokenizer

TEXTS = ["The sluice opens", "", " two  blanks", "naïve ☃ 𝄞", "a\n\n  b", "<s> x </s>", "The"]
CORPUS = ["The sluice opens when the water above the weir has risen past the mark."] * 4


def spelled():
    """Make a BPE as Llama 2 has it: blanks spelt by U+2581, bytes by their names."""
    fast = FastTokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    fast.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    fast.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )  # fmt: skip
    named = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>", *named], show_progress=False
    )
    fast.train_from_iterator([text.replace(" ", "▁") for text in CORPUS], trainer)
    stored = json.loads(fast.to_str())
    stored["added_tokens"] = [t for t in stored["added_tokens"] if t["content"] not in named]
    fast = FastTokenizer.from_str(json.dumps(stored))
    fast.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 1)])
    return fast


def byte_level():
    """Make a BPE as Llama 3 has it, with a start token before texts."""
    fast = FastTokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    fast.train_from_iterator(CORPUS, trainer)
    fast.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 0)])
    return fast


def write(folder, fast, model_type="llama"):
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    fast.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(params=[spelled, byte_level])
def folder(request, tmp_path):
    return write(tmp_path, request.param())


def test_ids_and_text_are_transformers(folder):
    from transformers import PreTrainedTokenizerFast

    peer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ours = find_tokenizer(folder)
    for text in TEXTS:
        ids = ours.encode(text)
        assert ids == peer(text).input_ids
        assert (
            ours.encode(text, special_tokens=False)
            == peer(text, add_special_tokens=False).input_ids
        )
        assert ours.decode(ids) == peer.decode(ids, skip_special_tokens=True)
        assert ours.vocab_size == max(peer.get_vocab().values()) + 1


def test_text_comes_in_whole_characters(folder):
    tokenizer = find_tokenizer(folder)
    detokenizer = Detokenizer(tokenizer)
    pieces = [detokenizer.push(token) for token in tokenizer.encode("naïve ☃ 𝄞")]
    assert "".join(pieces).removeprefix(" ") == "naïve ☃ 𝄞"
    assert not any("\ufffd" in piece for piece in pieces)


def test_no_text_has_more_bytes_than_its_tokens_may_stand_for(folder):
    tokenizer = find_tokenizer(folder)
    for text in TEXTS:
        size = len(text.encode())
        assert size <= len(tokenizer.encode(text)) * tokenizer.longest_token_bytes


def test_tokens_have_names(folder):
    tokenizer = find_tokenizer(folder)
    assert tokenizer.name(tokenizer.encode("The")[0]) == "<s>"
    assert (
        "".join(map(tokenizer.name, tokenizer.encode("The", special_tokens=False))).strip() == "The"
    )


def test_a_tokenizer_that_loses_bytes_is_refused(tmp_path):
    fast = FastTokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    fast.decoder = decoders.WordPiece()
    write(tmp_path, fast)
    with pytest.raises(TokenizerError, match="decodes by WordPiece"):
        find_tokenizer(tmp_path)


def test_a_model_may_have_none(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert find_tokenizer(tmp_path) is None


def test_opt_keeps_its_own_reader(tmp_path):
    write(tmp_path, byte_level(), "opt")
    assert not isinstance(find_tokenizer(tmp_path), FileTokenizer)
