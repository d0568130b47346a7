"""The site itself: its address, keys, database and Redis."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from portal import env, env_file

BASE_DIR = Path(__file__).resolve().parents[2]
TEMPLATES_OF_WHEEL = BASE_DIR / "portal" / "_templates"
IS_WHEEL = TEMPLATES_OF_WHEEL.is_dir()
TEMPLATE_DIR = TEMPLATES_OF_WHEEL if IS_WHEEL else BASE_DIR / "templates"
HOME = Path.cwd() if IS_WHEEL else BASE_DIR
VAR = env.path("WEIGHTGATE_VAR", shown="./var", default=HOME / "var")

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
SECRET_KEY_FALLBACKS = [
    *env.words("WEIGHTGATE_SECRET_KEY_NEXT"),
    *env.words("WEIGHTGATE_SECRET_KEY_FALLBACKS"),
]
if not SECRET_KEY:
    raise ImproperlyConfigured(env_file.nothing_found(os.environ))
TOKEN_PEPPER = env.text("WEIGHTGATE_TOKEN_PEPPER") or SECRET_KEY
TOKEN_PEPPER_FALLBACKS = [
    *env.words("WEIGHTGATE_TOKEN_PEPPER_FALLBACKS"),
    SECRET_KEY,  # the pepper of an installation that had none of its own
    *SECRET_KEY_FALLBACKS,
]
ALLOWED_HOSTS = env.words("WEIGHTGATE_ALLOWED_HOSTS", "127.0.0.1,localhost")

DB_POOL = env.integer("WEIGHTGATE_DB_POOL", 16)
# A connection is tried before it is given out, so that none from before an outage is. The pool
# gives one up that can't be made within 5 s and tries anew: its pauses would else grow to minutes.
POOL = {"min_size": 1, "max_size": DB_POOL, "timeout": 5, "reconnect_timeout": 5}
DATABASES = {
    "default": {
        **env.database("DATABASE_URL", "postgresql://weightgate@localhost/weightgate"),
        "CONN_HEALTH_CHECKS": bool(DB_POOL),
        "OPTIONS": {"connect_timeout": 5, **({"pool": POOL} if DB_POOL else {})},
    }
}
REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}
METRICS_TOKEN = env.text("WEIGHTGATE_METRICS_TOKEN")
METRICS_NETWORKS = env.networks("WEIGHTGATE_METRICS_NETWORKS")
