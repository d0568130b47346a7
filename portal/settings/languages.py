"""The languages of the pages and letters for researchers and the public."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.settings.site import BASE_DIR

# Each language that has a catalogue, by its own name. English is what the source is written in.
NAMES = {"en": "English", "de": "Deutsch"}

LANGUAGE_CODE = "en"
USE_I18N = True
_offered = env.words("WEIGHTGATE_LANGUAGES", "en,de")
if unknown := sorted(set(_offered) - set(NAMES)):
    raise ImproperlyConfigured(
        f"WEIGHTGATE_LANGUAGES names {', '.join(unknown)}, and the portal speaks "
        f"{', '.join(sorted(NAMES))} alone."
    )
LANGUAGES = [(code, name) for code, name in NAMES.items() if code == "en" or code in _offered]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
LANGUAGE_COOKIE_NAME = "language"
# What machines read has one form in every language: figures in attributes, days in fields of
# forms. What people read goes through portal/formatting.py.
FORMAT_MODULE_PATH = "portal.text.formats"
