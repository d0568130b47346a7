"""What goes along with weights: licences, notices, the card, and the tokenizer."""

import shutil
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers

from inference.data import SPECIAL_TOKENS, save_tokenizer
from inference.errors import TokenizerError
from inference.tokenizer import FILE_NAME

COPIED = (
    "LICENSE*",
    "NOTICE*",
    "MODEL_LICENSE*",
    "README.md",
    "model_card.md",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)
_VOCABULARY, _MERGES = "gpt2-vocab.json", "gpt2-merges.txt"


def copy_companions(source: Path, destination: Path) -> list[str]:
    """Copy them, make tokenizer.json of metaseq's two files, and return the names."""
    copied = []
    for pattern in COPIED:
        for path in sorted(source.glob(pattern)):
            if path.is_file():
                shutil.copyfile(path, destination / path.name)
                copied.append(path.name)
    pair = (source / _VOCABULARY, source / _MERGES)
    if FILE_NAME not in copied and all(path.is_file() for path in pair):
        _make_tokenizer(*pair, destination)
        copied.append(FILE_NAME)
    return copied


def _make_tokenizer(vocabulary: Path, merges: Path, destination: Path) -> None:
    """metaseq's vocabulary holds OPT's ids, special tokens included."""
    try:
        model = models.BPE.from_file(str(vocabulary), str(merges))
    except Exception as error:  # tokenizers raises bare Exception
        raise TokenizerError(f"{vocabulary} and {merges} make no tokenizer: {error}") from error
    fast = FastTokenizer(model)
    if [fast.token_to_id(token) for token in SPECIAL_TOKENS] != list(range(len(SPECIAL_TOKENS))):
        raise TokenizerError(f"{vocabulary} lacks OPT's special tokens at its beginning")
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(SPECIAL_TOKENS)
    save_tokenizer(fast, destination)
