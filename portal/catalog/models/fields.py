"""Validators that several tables share."""

from __future__ import annotations

from django.core.validators import RegexValidator

SHA256 = RegexValidator(r"^[0-9a-f]{64}$")
COMMIT = RegexValidator(r"^[0-9a-f]{40}$")
