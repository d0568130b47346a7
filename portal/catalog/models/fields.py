"""Validators that several tables share."""

from __future__ import annotations

import re

from django.core.validators import RegexValidator

SHA256 = RegexValidator(r"^[0-9a-f]{64}$")
COMMIT = RegexValidator(r"^[0-9a-f]{40}$")
# A language’s tag as in BCP 47: en, de, pt-BR, zh-Hant.
TAG = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")
LANGUAGE_TAG = RegexValidator(TAG.pattern)
