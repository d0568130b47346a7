import pytest

from inference.errors import TokenizerError
from inference.tokenizer import Tokenizer

TEXTS = [
    "", "import os", "  def f(self):\n\treturn None\n", "héllo ☃ 𝄞 naïve", "a </s> b <pad><s><unk>",
    "x" * 300, "\r\n\x00", "'''doc'''  # comment", "don't we'll I'm", " leading and trailing ",
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(trained):
    from transformers import AutoTokenizer

    return Tokenizer.from_directory(trained), AutoTokenizer.from_pretrained(trained)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_and_text_are_autotokenizers(pair, text):
    ours, theirs = pair
    ids = ours.encode(text)
    assert ids == theirs(text)["input_ids"]
    assert ids[0] == 2
    assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


def test_special_tokens_are_opts(pair):
    _, theirs = pair
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (2, 2, 1)
    assert theirs.unk_token_id == 3
    assert theirs.convert_ids_to_tokens([0, 1, 2, 3]) == ["<s>", "<pad>", "</s>", "<unk>"]
    assert theirs.model_max_length == 2048
    assert pair[0].vocab_size == len(theirs) == 512


def test_any_ids_decode_alike(pair):
    ours, theirs = pair
    for start in range(0, 512, 7):
        ids = [(start * 31 + 97 * n) % 512 for n in range(9)]
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    with pytest.raises(TokenizerError, match="cannot read"):
        Tokenizer.from_directory(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: added_tokens"):
        Tokenizer.from_directory(tmp_path)
    from tokenizers import Tokenizer as FastTokenizer
    from tokenizers.models import WordLevel

    FastTokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(TokenizerError, match="not a byte-level BPE"):
        Tokenizer.from_directory(tmp_path)
