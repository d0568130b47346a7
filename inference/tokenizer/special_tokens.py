"""Find the tokens that a folder adds to its vocabulary, and the special ones. Free of torch.

Resolved as transformers resolves tokenizer_config.json, and in folders of before 4.34, where that
lists no added tokens, special_tokens_map.json, added_tokens.json and tokenizer.json too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from inference.errors import TokenizerError
from inference.model_files.json_files import read_object

CONFIG_NAME = "tokenizer_config.json"
MAP_NAME = "special_tokens_map.json"
ADDED_NAME = "added_tokens.json"
OPT_SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]  # of ids 0 to 3
_WHERE = f"{CONFIG_NAME} or {MAP_NAME}"  # both are laid over each other before fields are read
_ATTRIBUTES = (
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"
)  # fmt: skip
_LISTED = "added_tokens_decoder"
_EXTRA, _EARLY_EXTRA = "extra_special_tokens", "additional_special_tokens"
_NAMED = "model_specific_special_tokens"
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")

Token = str | AddedToken


@dataclass
class SpecialTokens:
    """A folder's special and added tokens.

    named: by attribute, in the order in which they are added. listed: by their ids."""

    named: dict[str, Token] = field(default_factory=dict)
    extra: list[Token] = field(default_factory=list)
    listed: dict[int, AddedToken] = field(default_factory=dict)

    def to_add(self, known: Iterable[str]) -> list[AddedToken]:
        """Return what must be added to a vocabulary in which these are added already, in order."""
        tokens: list[Token] = [token for _, token in sorted(self.listed.items())]
        there = {*known, *map(content, tokens)}
        names = {content(token) for token in self.named.values()}
        for token in (*self.named.values(), *self.extra):
            if content(token) not in there and token not in tokens:
                tokens.append(token)
        return [_as_added(token, names) for token in tokens]


def read_special_tokens(
    folder: Path,
    config: Mapping[str, Any],
    defaults: Mapping[str, str],
    stored: Mapping[str, Any] | None,
) -> SpecialTokens:
    """Read a folder's tokens.

    config: tokenizer_config.json. defaults: of attributes that are named nowhere. stored:
    tokenizer.json, None where there is none. Raises TokenizerError.
    """
    fields = dict(config)
    if _EARLY_EXTRA in fields and not fields.get(_EXTRA):
        fields[_EXTRA] = fields.pop(_EARLY_EXTRA)
    explicit = _explicit(fields)
    if _LISTED in fields:
        listed = {
            _id(number, f"{CONFIG_NAME}: {_LISTED}"): _token(value, f"{CONFIG_NAME}: {_LISTED}")
            for number, value in _object(fields, _LISTED, CONFIG_NAME).items()
        }
    else:
        _merge_map(folder, fields, explicit)
        listed = _early_listed(folder, fields) | _stored_listed(stored)
    return _resolved({**defaults, **fields}, explicit, listed)


def content(token: Token) -> str:
    """Return a token's text."""
    return token if isinstance(token, str) else str(token.content)


def _explicit(fields: dict[str, Any]) -> dict[str, Any]:
    """Take out the tokens of attributes that transformers doesn't define."""
    own = [
        name
        for name, value in fields.items()
        if name.endswith("_token") and name not in _ATTRIBUTES and isinstance(value, str)
    ]
    explicit = {name: fields.pop(name) for name in own}
    explicit |= _pop_named_extra(fields)
    named = _object(fields, _NAMED, CONFIG_NAME)
    fields.pop(_NAMED, None)
    return explicit or named


def _merge_map(folder: Path, fields: dict[str, Any], explicit: dict[str, Any]) -> None:
    """Override the config's fields by special_tokens_map.json."""
    path = folder / MAP_NAME
    if not path.is_file():
        return
    for name, value in read_object(path, TokenizerError).items():
        if not name.endswith("_token") and name not in (_EXTRA, _EARLY_EXTRA):
            raise TokenizerError(f"{path}: {name} is no special token: leave it out")
        if isinstance(value, dict) and name != _EXTRA:
            value = _token(value | {"special": True}, f"{MAP_NAME}: {name}")
        elif name == _EXTRA and isinstance(value, list):
            value = _joined(fields.get(name) or [], value)
        elif value is not None and not isinstance(value, str | list | dict):
            raise TokenizerError(f"{path}: {name} is no token")
        fields[name] = value
    explicit |= _pop_named_extra(fields)


def _pop_named_extra(fields: dict[str, Any]) -> dict[str, Any]:
    extra = fields.get(_EXTRA)
    if not isinstance(extra, dict):
        return {}
    return {name: _named(value, f"{_EXTRA}: {name}") for name, value in fields.pop(_EXTRA).items()}


def _joined(existing: list[Any], more: list[Any]) -> list[Any]:
    joined = list(existing)
    for value in more:
        special = isinstance(value, dict)
        token = _token(value | {"special": True}, f"{MAP_NAME}: {_EXTRA}") if special else value
        if token not in joined:
            joined.append(token)
    return joined


def _early_listed(folder: Path, fields: Mapping[str, Any]) -> dict[int, AddedToken]:
    """Read added_tokens.json, which holds only texts and ids."""
    path = folder / ADDED_NAME
    if not path.is_file():
        return {}
    named = [fields.get(name) for name in _ATTRIBUTES] + list(fields.get(_EXTRA) or [])
    special = {content(token) for token in named if isinstance(token, str | AddedToken)}
    ids = read_object(path, TokenizerError)
    for number in ids.values():
        if type(number) is not int:  # beside a tokenizer.json, transformers compares it with ids
            raise TokenizerError(f"{ADDED_NAME}: {number!r} is no id of a token")
    return {
        number: AddedToken(text, normalized=text not in special, special=text in special)
        for text, number in ids.items()
    }


def _stored_listed(stored: Mapping[str, Any] | None) -> dict[int, AddedToken]:
    """Read tokenizer.json's own list."""
    entries = [] if stored is None else stored.get("added_tokens")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TokenizerError("tokenizer.json: added_tokens must be a list of described tokens")
    return {
        _id(entry.get("id"), "tokenizer.json"): _token(
            {name: value for name, value in entry.items() if name != "id"},
            "tokenizer.json: added_tokens",
        )
        for entry in entries
    }


def _resolved(
    fields: Mapping[str, Any], explicit: dict[str, Any], listed: dict[int, AddedToken]
) -> SpecialTokens:
    by_text = {token.content: token for token in listed.values()}
    special = SpecialTokens(listed=listed)
    own = [
        name
        for name, value in fields.items()
        if name.endswith("_token")
        and name not in _ATTRIBUTES
        and isinstance(value, str | dict | AddedToken)
    ]
    for name in (*_ATTRIBUTES, *own):
        if fields.get(name) is not None:
            token = _named(fields[name], name)
            special.named[name] = (
                by_text.get(content(token), token) if name in _ATTRIBUTES else token
            )
    special.named |= {name: _named(value, name) for name, value in explicit.items()}
    extra, name = fields.get(_EXTRA, fields.get(_EARLY_EXTRA)), f"{_EXTRA} (or {_EARLY_EXTRA})"
    if extra is not None and not isinstance(extra, list):
        raise TokenizerError(f"{_WHERE}: {name} must be a list of tokens")
    special.extra = [_named(value, name) for value in extra or []]
    return special


def _named(value: Any, name: str) -> Token:
    if isinstance(value, str | AddedToken):
        return value
    if isinstance(value, dict) and value.get("__type") == "AddedToken":
        return _token({k: v for k, v in value.items() if k != "__type"}, f"{CONFIG_NAME}: {name}")
    raise TokenizerError(f"{_WHERE}: {name} must be a token's text, or a token with its flags")


def _token(described: Any, where: str) -> AddedToken:
    sound = isinstance(described, dict) and isinstance(described.get("content"), str)
    if not sound or not all(
        name in _FLAGS and isinstance(value, bool)
        for name, value in described.items()
        if name != "content"
    ):
        raise TokenizerError(
            f"{where} must describe each token by content (a text) and {', '.join(_FLAGS)} (each "
            "true or false)"
        )
    return AddedToken(**described)


def _as_added(token: Token, names: set[str]) -> AddedToken:
    if isinstance(token, str):
        return AddedToken(token, special=True)
    if not token.special and token.content in names:
        token.special = True
    return token


def _object(fields: Mapping[str, Any], name: str, file_name: str) -> dict[str, Any]:
    value = fields.get(name, {})
    if not isinstance(value, dict):
        raise TokenizerError(f"{file_name}: {name} must be an object")
    return value


def _id(value: Any, where: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TokenizerError(f"{where}: {value!r} is no id of a token") from None
