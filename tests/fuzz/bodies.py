"""Make bodies for an address: its own fields, mostly sound, with something spoilt."""

from __future__ import annotations

import inspect
import json
import re
import sys
from random import Random
from typing import Any

from django import forms
from django.urls import resolve
from rest_framework import serializers

from portal.api.base.views import ApiView
from tests.architecture.permissions import test_permissions as permissions
from tests.fuzz import values

TEXT_FIELDS = ["reason", "text", "note", "act", "step", "next", "theme", "q", "page", "after"]
HUB_BODIES: dict[str, dict[str, Any]] = {
    "/objects/batch": {
        "operation": "upload",
        "transfers": ["basic", "multipart"],
        "objects": [{"oid": "f" * 64, "size": 3}],
    },
    "/preupload/": {"files": [{"path": "a.txt", "size": 3, "sample": ""}], "gitIgnore": "*.bin"},
    "/handle": {"user": "USER", "status": "rejected", "rejectionReason": "Some words."},
    "/grant": {"user": "USER"},
    "/validate-yaml": {"content": "CARD", "repoType": "model"},
    "/repos/create": {"name": "fresh", "organization": "LAB", "type": "model", "private": True},
    "/repos/move": {"fromRepo": "REPO", "toRepo": "LAB/other", "type": "model"},
    "/repos/delete": {"name": "NAME", "organization": "LAB"},
    "/settings": {"gated": "manual", "private": True, "visibility": "private"},
    "/branch/": {"startingPoint": "main"},
    "/tag/": {"tag": "v1", "message": "Some words."},
    "/super-squash/": {"message": "Some words."},
    "/complete": {"oid": "f" * 64, "parts": [{"partNumber": 1, "etag": "x"}]},
}
COMMIT = [
    {"key": "header", "value": {"summary": "x", "description": "", "parentCommit": ""}},
    {"key": "file", "value": {"path": "a.txt", "content": "eA==", "encoding": "base64"}},
    {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "f" * 64, "size": 3}},
    {"key": "deletedFile", "value": {"path": "README.md"}},
    {"key": "copyFile", "value": {"path": "b", "srcPath": "README.md", "srcRevision": "main"}},
]
PROMPT_FIELDS = {
    "model": "a/b",
    "prompt": "x",
    "max_tokens": 3,
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "seed": 1,
    "stop": ["a"],
    "logprobs": 1,
    "echo": True,
    "stream": False,
    "top_k": 3,
    "stream_options": {"include_usage": True},
    "logit_bias": {"5": -1.5},
    "best_of": 1,
    "min_p": 0.1,
    "min_tokens": 1,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "repetition_penalty": 1.1,
    "stop_token_ids": [5],
    "include_stop_str_in_output": True,
    "prompt_logprobs": 1,
    "response_format": {"type": "text"},
    "messages": [],
}


def api_view(path: str) -> type[ApiView] | None:
    """Return the view of the REST API at an address, or None where another surface answers."""
    view_class = getattr(resolve(path).func, "cls", None)
    return view_class if view_class is not None and issubclass(view_class, ApiView) else None


def sent(random: Random, world: permissions.World, path: str, method: str) -> tuple[bytes, str]:
    """Return a body with its type: of the surface, mostly; now and then another's."""
    if "/commit/" in path and path.startswith("/api/models"):
        return _commit(random), "application/x-ndjson"
    if path.startswith(("/api", "/v1")) or ".git/" in path:
        fields = _json_fields(random, world, path, method)
        content: Any = _changed(random, fields)
        if random.random() < 0.05:
            content = values.value(random)
        return values.body(random, content), _json_type(random)
    if random.random() < 0.1:
        return values.body(random, values.value(random)), _json_type(random)
    return _form(random, world, path)


def _json_type(random: Random) -> str:
    if random.random() < 0.9:
        return "application/json"
    charset = random.choice(values.CHARSETS)
    return random.choice(["text/plain", "multipart/form-data; boundary=", f"x; charset={charset}"])


def _json_fields(
    random: Random, world: permissions.World, path: str, method: str
) -> dict[str, Any]:
    if path.startswith("/v1"):
        return PROMPT_FIELDS | {"model": world.repo.full_name}
    if not path.startswith("/api/v1/"):
        return hub_body(random, world, path)
    view_class = api_view(path)
    if view_class is None or view_class.input_serializer_class is None:
        return {}
    return {
        name: _plausible_json(random, world, field)
        for name, field in view_class.input_serializer_class().fields.items()
        if not field.read_only and (field.required or random.random() < 0.5)
    }


def hub_body(random: Random, world: permissions.World, path: str) -> dict[str, Any]:
    """Return what a client of the Hub would send to an address."""
    lab, name = world.repo.full_name.split("/")
    user = world.people["researcher"].username
    names = {"USER": user, "LAB": lab, "NAME": name, "REPO": f"{lab}/{name}"}
    names["CARD"] = random.choice(values.CARDS)
    known = next((content for part, content in HUB_BODIES.items() if part in path), {})
    return {
        field: names.get(content, content) if isinstance(content, str) else content
        for field, content in known.items()
    }


def _commit(random: Random) -> bytes:
    lines = [COMMIT[0], *random.sample(COMMIT[1:], random.randrange(1, 4))]
    at = random.randrange(len(lines))
    written = [json.dumps(line).encode() for line in lines]
    written[at] = values.body(random, _changed(random, lines[at]))
    return b"\n".join(written)


def _plausible_json(random: Random, world: permissions.World, each: Any) -> Any:
    """Return a value that the field might take."""
    if isinstance(each, serializers.ListSerializer | serializers.ListField):
        return [_plausible_json(random, world, each.child)]
    if isinstance(each, serializers.Serializer):
        inner = each.fields.items()
        return {name: _plausible_json(random, world, child) for name, child in inner}
    if isinstance(each, serializers.ChoiceField):
        return random.choice(list(each.choices) or ["x"])
    if isinstance(each, serializers.BooleanField):
        return random.random() < 0.5
    if isinstance(each, serializers.IntegerField):
        return random.choice([1, 2, 30, world.grant.pk, world.request.pk])
    if isinstance(each, serializers.DateTimeField):
        return "2027-06-01T00:00:00Z"
    if isinstance(each, serializers.DateField):
        return "2027-06-01"
    if isinstance(each, serializers.DictField | serializers.JSONField):
        return {"purpose": "x", "modes": ["download"]}
    return _word(random, world, each.field_name or "")


def _word(random: Random, world: permissions.World, name: str) -> str:
    """Return a text that a field of this name might take."""
    if "email" in name or name == "address":
        return f"{random.randrange(10**6)}@institute.example"
    if "repo" in name:
        return world.repo.full_name
    if name in ("person", "user", "username", "assignee"):
        return world.people["reviewer"].username
    return random.choice(["Some words.", "main", "download", "1.0", "x"])


def _changed(random: Random, fields: dict[str, Any]) -> dict[str, Any]:
    """Spoil one or two fields or all texts, and now and then add one that nobody knows."""
    changed = dict(fields)
    if random.random() < 0.25:
        spoilt = values.text(random)
        return {
            name: spoilt if isinstance(content, str) else content
            for name, content in fields.items()
        }
    for name in random.sample(list(changed), min(len(changed), random.choice([0, 1, 1, 2]))):
        if isinstance(changed[name], dict) and changed[name] and random.random() < 0.6:
            changed[name] = _changed(random, changed[name])
        else:
            changed[name] = values.value(random)
    if random.random() < 0.1:
        changed[values.text(random)[:200]] = values.value(random)
    return changed


def _form(random: Random, world: permissions.World, path: str) -> tuple[bytes, str]:
    fields = {
        name: _plausible_text(random, world, name, field) for name, field in _form_fields(path)
    }
    fields |= dict.fromkeys(random.sample(TEXT_FIELDS, 2), "x")
    spoilt = random.sample(list(fields), min(len(fields), random.choice([0, 1, 1, 2, 3])))
    if random.random() < 0.3:  # all that is text
        spoilt = [name for name, text in fields.items() if text == "x" or " " in text]
    hostile = values.text(random)
    fields |= dict.fromkeys(spoilt, hostile)
    pairs = list(fields.items())
    if random.random() < 0.1:
        pairs += random.choices(pairs, k=random.choice([1, 3, 2000]))
    if random.random() < 0.15:
        return _multipart(random, pairs)
    body = "&".join(f"{values.encoded(name)}={values.encoded(text)}" for name, text in pairs)
    kind = "application/x-www-form-urlencoded"
    if random.random() < 0.05:
        kind += f"; charset={random.choice(values.CHARSETS)}"
    return body.encode(), kind


def _multipart(random: Random, pairs: list[tuple[str, str]]) -> tuple[bytes, str]:
    parts = b""
    for name, text in pairs[:30]:
        label = name.encode("utf-8", "surrogatepass")
        filename = b'; filename="\xff\0.csv"' if random.random() < 0.2 else b""
        disposition = b'Content-Disposition: form-data; name="' + label + b'"' + filename
        content = text.encode("utf-8", "surrogatepass")
        parts += b"--b\r\n" + disposition + b"\r\n\r\n" + content + b"\r\n"
    end = random.choice([b"--b--\r\n", b"--b--\r\n", b"--b", b""])
    return parts + end, "multipart/form-data; boundary=b"


def _form_fields(path: str) -> list[tuple[str, forms.Field]]:
    """Return fields of the forms that the address's own module uses, some of them at once."""
    view = inspect.unwrap(resolve(path).func)
    module = sys.modules.get(getattr(view, "__module__", ""))
    source = inspect.getsource(module) if module else ""
    found: dict[str, forms.Field] = {}
    for name in set(re.findall(r"\b(\w*Form)\b", source)):
        kind = getattr(module, name, None)
        if inspect.isclass(kind) and issubclass(kind, forms.BaseForm):
            found |= getattr(kind, "base_fields", {})
    return sorted(found.items())


def _plausible_text(random: Random, world: permissions.World, name: str, each: forms.Field) -> str:
    choices = [str(choice[0]) for choice in getattr(each, "choices", ()) if choice]
    if choices:
        return random.choice(choices)
    if isinstance(each, forms.BooleanField):
        return "on"
    if isinstance(each, forms.IntegerField):
        return "3"
    if isinstance(each, forms.DateField | forms.DateTimeField):
        return "2027-06-01"
    return _word(random, world, name)
