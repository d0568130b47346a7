"""Read how a folder's text is drawn and where it ends by default. Free of torch.

Resolved as transformers' ``generate`` does: a folder with generation_config.json is read by that
file alone; without one, config.json's legacy fields of the same names count. A field that is absent
or null has transformers' own default.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ConfigError
from inference.model_files.json_fields import Fields
from inference.model_files.json_files import read_object

FILE_NAME = "generation_config.json"
LEGACY_FILE_NAME = "config.json"
MAX = sys.float_info.max
_LEAST_PENALTY = 1e-6  # transformers divides by it, so that it must be over 0
_EXACT_CACHES = ("dynamic", "dynamic_full", "offloaded", "static", "offloaded_static", "paged")
# Fields that change the text and that this engine doesn't honour, with the values that do nothing
# (null does nothing in each).
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "num_beams": (1,),
    "num_beam_groups": (1,),
    "diversity_penalty": (0,),
    "penalty_alpha": (0,),
    "dola_layers": (),
    "guidance_scale": (1,),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1,),
    "bad_words_ids": (),
    "force_words_ids": (),
    "constraints": (),
    "sequence_bias": (),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "exponential_decay_length_penalty": (),
    "token_healing": (False,),
    "watermarking_config": (),
    "stop_strings": (),
    "max_time": (),
    "cache_implementation": _EXACT_CACHES,
    "force_bos_token_to_be_generated": (False,),
}
_UNSUPPORTED_SAMPLING: dict[str, tuple[Any, ...]] = {
    "typical_p": (1,),
    "top_h": (),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
}
_ARGUMENTS_OF_GENERATE = (  # transformers refuses a file that has one of them
    "logits_processor",
    "stopping_criteria",
    "prefix_allowed_tokens_fn",
    "synced_gpus",
    "assistant_model",
    "streamer",
    "negative_prompt_ids",
    "negative_prompt_attention_mask",
)


@dataclass(frozen=True)
class GenerationConfig:
    """A folder's defaults; field names and values are generation_config.json's.

    max_length counts the prompt and is void where max_new_tokens is given; so is min_length beside
    min_new_tokens. unsupported: the fields whose values would change the text and that this engine
    doesn't honour; unsupported_sampling: those that would do so only where tokens are sampled.
    """

    eos_token_ids: tuple[int, ...] = ()
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    min_p: float | None = None
    repetition_penalty: float = 1.0
    max_new_tokens: int | None = None
    max_length: int | None = None
    min_new_tokens: int | None = None
    min_length: int = 0
    num_return_sequences: int = 1
    unsupported: tuple[str, ...] = ()
    unsupported_sampling: tuple[str, ...] = ()

    @classmethod
    def from_directory(cls, directory: str | Path) -> "GenerationConfig":
        """Read the folder's file, or its config.json where it has none.

        Raises ConfigError naming file and field.
        """
        folder = Path(directory)
        for name in (FILE_NAME, LEGACY_FILE_NAME):
            if (folder / name).exists():
                return cls.from_dict(read_object(folder / name, ConfigError), name)
        return cls()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], file_name: str = FILE_NAME) -> "GenerationConfig":
        """Build from the object that file_name holds. Raises ConfigError naming file and field."""
        fields = Fields({k: v for k, v in data.items() if v is not None}, file_name)
        for name in _ARGUMENTS_OF_GENERATE:
            if fields.has(name):
                raise ConfigError(f"{file_name}: {name} is no setting of generation; leave it out")
        fields.flag("use_cache", True)  # the text is the same without
        _require_sound_beside(fields)
        config = cls(
            eos_token_ids=fields.token_ids("eos_token_id"),
            do_sample=fields.flag("do_sample", False),
            temperature=fields.number("temperature", 1.0, 0, MAX),
            top_k=fields.integer("top_k", 50, 0),
            top_p=fields.number("top_p", 1.0, 0, 1),
            min_p=fields.number("min_p", 0, 0, 1) if fields.has("min_p") else None,
            repetition_penalty=fields.number("repetition_penalty", 1.0, _LEAST_PENALTY, MAX),
            max_new_tokens=_count(fields, "max_new_tokens", 1),
            max_length=_count(fields, "max_length", 1),
            min_new_tokens=_count(fields, "min_new_tokens", 0),
            min_length=fields.integer("min_length", 0, 0),
            num_return_sequences=fields.integer("num_return_sequences", 1, 1),
            unsupported=fields.unlike(_UNSUPPORTED),
            unsupported_sampling=fields.unlike(_UNSUPPORTED_SAMPLING),
        )
        config._require_consistent(file_name)
        return config

    def _require_consistent(self, file_name: str) -> None:
        if self.do_sample and self.temperature == 0:
            raise ConfigError(
                f"{file_name}: temperature is 0 and do_sample true; "
                "set do_sample to false for the likeliest token, or a temperature over 0"
            )
        if self.num_return_sequences > 1 and not self.do_sample:
            raise ConfigError(
                f"{file_name}: num_return_sequences is {self.num_return_sequences} without "
                "do_sample; all would be the same: set do_sample to true, or leave it out"
            )


def _require_sound_beside(fields: Fields) -> None:
    """Refuse values that transformers refuses too, of fields that change nothing here."""
    fields.token_id("pad_token_id", None)
    fields.token_ids("bos_token_id")
    if fields.value("early_stopping", False) not in (True, False, "never"):
        raise fields.refusal("early_stopping", 'true, false or "never"')
    if fields.has("compile_config"):
        raise fields.refusal("compile_config", "absent: transformers takes it as an argument alone")


def _count(fields: Fields, name: str, least: int) -> int | None:
    return fields.integer(name, least, least) if fields.has(name) else None
