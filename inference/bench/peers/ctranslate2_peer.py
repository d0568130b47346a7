"""ctranslate2, on its own conversion of the model."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import ctranslate2
from serve import Generate, serve
from tokenizers import Tokenizer, models


def load(options: dict[str, Any]) -> Generate:
    with tempfile.TemporaryDirectory() as folder:
        source, converted = Path(folder, "source"), str(Path(folder, "converted"))
        _add_words(Path(options["model"]), source)
        converter = ctranslate2.converters.TransformersConverter(str(source))
        converter.convert(converted, quantization=options["dtype"])
        generator = ctranslate2.Generator(
            converted, compute_type=options["dtype"], intra_threads=options["threads"]
        )

    def generate(prompts: list[list[int]], new_tokens: list[int]) -> list[list[int]]:
        results = generator.generate_batch(
            [[f"w{token}" for token in prompt] for prompt in prompts],
            max_length=max(new_tokens),
            min_length=max(new_tokens),
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return [result.sequences_ids[0] for result in results]

    return generate


def _add_words(model: Path, source: Path) -> None:
    """Its converter wants a tokenizer; a word for each id will do."""
    source.mkdir()
    for path in model.iterdir():
        (source / path.name).symlink_to(path)
    size = json.loads((model / "config.json").read_text())["vocab_size"]
    words = {f"w{token}": token for token in range(size)}
    tokenizer = Tokenizer(models.WordLevel(words))
    tokenizer.save(str(source / "tokenizer.json"))
    special = {"bos_token": "w2", "eos_token": "w2", "unk_token": "w3", "pad_token": "w1"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (source / "tokenizer_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    serve(load)
