"""Check the terms of a licence: its summary, and what signers tick one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from portal.errors import FieldErrors

CODE = re.compile(r"[a-z0-9_]{1,40}")
SUMMARIES = ("may", "must", "must_not")
TERMS_KEYS = frozenset({*SUMMARIES, "attestations", "prohibited", "outputs"})


def check_terms(terms: Mapping[str, Any]) -> None:
    """Raise FieldErrors for terms that pages can't show or people can't tick one by one."""
    if wrong := _wrong_terms(terms):
        raise FieldErrors({"terms": wrong})


def _wrong_terms(terms: Mapping[str, Any]) -> str:
    if unknown := sorted(set(terms) - TERMS_KEYS):
        return f"The terms hold what nothing reads: {', '.join(unknown)}."
    for key in SUMMARIES:
        if not _are_texts(terms.get(key, [])):
            return f"The terms’ “{key}” must be a list of sentences."
    if not isinstance(terms.get("outputs", ""), str):
        return "The terms’ “outputs” must be one sentence."
    attestations = terms.get("attestations", [])
    if not isinstance(attestations, list) or not all(map(_is_attestation, attestations)):
        return "Each attestation has a code (a-z, 0-9, _), a text to tick, and a help."
    codes = [attestation["code"] for attestation in attestations]
    if len(set(codes)) != len(codes) or len(
        {attestation["text"] for attestation in attestations}
    ) != len(codes):
        return "Two attestations share a code or a text: each is ticked by itself."
    return _wrong_prohibitions(terms.get("prohibited", []), codes)


def _wrong_prohibitions(prohibited: Any, codes: list[str]) -> str:
    if not _are_texts(prohibited) or len(set(prohibited)) != len(prohibited):
        return "The terms’ “prohibited” must list codes, each once."
    if missing := sorted(set(prohibited) - set(codes)):
        return (
            f"A prohibited use is acknowledged by an attestation of its own: {', '.join(missing)}."
        )
    return ""


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _is_attestation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"code", "text", "help"}
        and all(isinstance(text, str) for text in value.values())
        and bool(CODE.fullmatch(value["code"]))
        and bool(value["text"].strip())
    )
