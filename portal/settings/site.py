"""The site itself: its address, keys, database and Redis."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from portal import env

BASE_DIR = Path(__file__).resolve().parents[2]
VAR = env.path("WEIGHTGATE_VAR", shown="./var", default=BASE_DIR / "var")

DEMO = env.flag("WEIGHTGATE_DEMO", default=False)
DEBUG = env.flag("WEIGHTGATE_DEBUG", default=False)
BASE_URL = env.text("WEIGHTGATE_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
SITE_NAME = env.text("WEIGHTGATE_SITE_NAME", "Weightgate")
HTTPS = BASE_URL.startswith("https://")
if HTTPS and DEMO:
    raise ImproperlyConfigured(
        "WEIGHTGATE_DEMO is 1 at an https address: the demo shows every letter, with its links to "
        "reset passwords, to whoever can reach it. Set WEIGHTGATE_DEMO to 0."
    )

SECRET_KEY = env.text("WEIGHTGATE_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("WEIGHTGATE_SECRET_KEY_FALLBACKS")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "Set WEIGHTGATE_SECRET_KEY to 50 random characters or more. Beside a running demo, "
        "manage.py needs no settings but the demo's WEIGHTGATE_VAR, where that isn't ./var."
    )
TOKEN_PEPPER = env.text("WEIGHTGATE_TOKEN_PEPPER") or SECRET_KEY
ALLOWED_HOSTS = env.words("WEIGHTGATE_ALLOWED_HOSTS", "127.0.0.1,localhost")

DB_POOL = env.integer("WEIGHTGATE_DB_POOL", 16)
DATABASES = {
    "default": {
        **env.database("DATABASE_URL", "postgresql://weightgate@localhost/weightgate"),
        "OPTIONS": {"pool": {"min_size": 1, "max_size": DB_POOL, "timeout": 10}} if DB_POOL else {},
    }
}
REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}
METRICS_TOKEN = env.text("WEIGHTGATE_METRICS_TOKEN")
