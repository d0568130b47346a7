"""Django's settings, from the environment. Every variable here is a row of docs/settings.md."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.parsing.json import LARGEST_BODY_BYTES

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = env.path("WEIGHTGATE_VAR", shown="./var", default=BASE_DIR / "var")

# --- what kind of place this is
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

# --- the parts
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
STORAGE = env.choice("WEIGHTGATE_STORAGE", "local", ("local", "s3"))
BLOB_DIR = env.path("WEIGHTGATE_BLOB_DIR", shown="$WEIGHTGATE_VAR/blobs", default=VAR / "blobs")
X_ACCEL_PREFIX = env.text("WEIGHTGATE_X_ACCEL_PREFIX")
TRANSFER_LOG = env.text("WEIGHTGATE_TRANSFER_LOG")
S3_BUCKET = env.text("WEIGHTGATE_S3_BUCKET")
S3_ENDPOINT_URL = env.text("WEIGHTGATE_S3_ENDPOINT_URL")
S3_REGION = env.text("WEIGHTGATE_S3_REGION", "us-east-1")
S3_ACCESS_KEY_ID = env.text("WEIGHTGATE_S3_ACCESS_KEY_ID")
S3_SECRET_ACCESS_KEY = env.text("WEIGHTGATE_S3_SECRET_ACCESS_KEY")
VERIFY_STORAGE_BYTES = env.integer("WEIGHTGATE_VERIFY_STORAGE_GB", 100) * 10**9
MANIFEST_KEY_MADE_AT = VAR / "manifest" / "key.pem"
MANIFEST_KEY_FILE = env.path(
    "WEIGHTGATE_MANIFEST_KEY_FILE",
    shown="$WEIGHTGATE_VAR/manifest/key.pem",
    default=MANIFEST_KEY_MADE_AT,
)
LINK_TTL = timedelta(seconds=env.integer("WEIGHTGATE_LINK_SECONDS", 300, minimum=1))
UPLOAD_LINK_TTL = timedelta(
    seconds=env.integer("WEIGHTGATE_UPLOAD_LINK_SECONDS", 86_400, minimum=1)
)
NEW_REPOS = env.choice("WEIGHTGATE_NEW_REPOS", "private", ("private", "public"))
WRITES_PER_MINUTE = env.integer("WEIGHTGATE_WRITES_PER_MINUTE", 240, minimum=1)

DAILY_DOWNLOAD_GB = env.integer("WEIGHTGATE_DAILY_DOWNLOAD_GB", 2000)
MAX_DOWNLOADS = env.max_downloads()

# --- hosted inference
ENGINE = env.choice("WEIGHTGATE_ENGINE", "native", ("native",))
ENGINE_DEVICE = env.text("WEIGHTGATE_ENGINE_DEVICE", "cpu")
ENGINE_DTYPE = env.choice(
    "WEIGHTGATE_ENGINE_DTYPE", "float32", ("float32", "bfloat16", "float16", "int8")
)
ENGINE_TENSOR_PARALLEL_SIZE = env.integer("WEIGHTGATE_ENGINE_TENSOR_PARALLEL_SIZE", 1, minimum=1)
ENGINE_PIPELINE_PARALLEL_SIZE = env.integer(
    "WEIGHTGATE_ENGINE_PIPELINE_PARALLEL_SIZE", 1, minimum=1
)
ENGINE_RANK_TIMEOUT = timedelta(
    seconds=env.integer("WEIGHTGATE_ENGINE_RANK_TIMEOUT_SECONDS", 120, minimum=1)
)
ENGINE_MAX_NUM_SEQS = env.integer("WEIGHTGATE_ENGINE_MAX_NUM_SEQS", 16, minimum=1)
HOSTED_MODEL = env.text("WEIGHTGATE_HOSTED_MODEL")
JOB_LEASE = timedelta(seconds=env.integer("WEIGHTGATE_JOB_LEASE_SECONDS", 15, minimum=1))
JOB_SWEEP_SECONDS = env.integer("WEIGHTGATE_JOB_SWEEP_SECONDS", 5, minimum=1)
JOB_TIME_LIMIT = timedelta(seconds=env.integer("WEIGHTGATE_JOB_TIME_LIMIT_SECONDS", 600, minimum=1))
DAILY_TOKENS = env.integer("WEIGHTGATE_DAILY_TOKENS", 200_000)
MAX_OPEN_JOBS = env.integer("WEIGHTGATE_MAX_OPEN_JOBS", 8, minimum=1)
MAX_EVENT_STREAMS = env.integer("WEIGHTGATE_MAX_EVENT_STREAMS", 8, minimum=1)
PROMPT_BYTES_PER_MINUTE = env.integer("WEIGHTGATE_PROMPT_BYTES_PER_MINUTE", 2_000_000, minimum=1)
ENGINE_WATTS = env.decimal("WEIGHTGATE_ENGINE_WATTS", 65.0)
ENGINE_PUE = env.decimal("WEIGHTGATE_ENGINE_PUE", 1.1)
ENGINE_KG_PER_KWH = env.decimal("WEIGHTGATE_ENGINE_KG_PER_KWH", 0.385)
ENGINE_PRICE_PER_HOUR = env.decimal("WEIGHTGATE_ENGINE_PRICE_PER_HOUR", 0.05)
CURRENCY = env.text("WEIGHTGATE_CURRENCY", "EUR")

# --- the gate
GRANT_DAYS = env.integer("WEIGHTGATE_GRANT_DAYS", 365, minimum=1)
SCREENING_STANDING = env.choice(
    "WEIGHTGATE_SCREENING_STANDING", "continue", ("continue", "suspend")
)
AFFILIATION_DAYS = env.integer("WEIGHTGATE_AFFILIATION_DAYS", 365, minimum=1)
TOKEN_MAX_DAYS = 365
SIGNING_KEY_FILE = env.path(
    "WEIGHTGATE_SIGNING_KEY_FILE",
    shown="$WEIGHTGATE_VAR/signing/key.pem",
    default=VAR / "signing" / "key.pem",
)
SIGNING_CERT_FILE = env.path(
    "WEIGHTGATE_SIGNING_CERT_FILE",
    shown="$WEIGHTGATE_VAR/signing/certificate.pem",
    default=VAR / "signing" / "certificate.pem",
)

# --- mail
MAIL = env.choice("WEIGHTGATE_MAIL", "files", ("files", "smtp"))
if HTTPS and MAIL == "files":
    raise ImproperlyConfigured(
        "WEIGHTGATE_MAIL is files at an https address: no letter would reach anybody. Set it to "
        "smtp, and WEIGHTGATE_SMTP_HOST to your mail server."
    )
EMAIL_BACKEND = (
    "portal.outbox.mail_files.EmailBackend"
    if MAIL == "files"
    else "django.core.mail.backends.smtp.EmailBackend"
)
EMAIL_FILE_PATH = VAR / "mail"
EMAIL_HOST = env.text("WEIGHTGATE_SMTP_HOST", "localhost")
EMAIL_PORT = env.integer("WEIGHTGATE_SMTP_PORT", 25, minimum=1)
EMAIL_HOST_USER = env.text("WEIGHTGATE_SMTP_USER")
EMAIL_HOST_PASSWORD = env.text("WEIGHTGATE_SMTP_PASSWORD")
EMAIL_USE_TLS = env.flag("WEIGHTGATE_SMTP_TLS", default=False)
DEFAULT_FROM_EMAIL = env.text("WEIGHTGATE_MAIL_FROM", "weightgate@localhost")
MAIL_MAX_ATTEMPTS = 8

# --- Django
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_countries",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "portal.audit",
    "portal.outbox",
    "portal.accounts",
    "portal.catalog",
    "portal.access",
    "portal.delivery",
    "portal.jobs",
    "portal.hub",
    "portal.site",
]
MIDDLEWARE = [
    "portal.observability.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.surfaces.middleware.AssetsMiddleware",
    "portal.surfaces.middleware.PrivateByDefaultMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.forms.kept.KeptFormMiddleware",
    "portal.surfaces.sent_once.SentOnceMiddleware",
    "portal.surfaces.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
ASGI_APPLICATION = "portal.asgi.application"
APPEND_SLASH = False  # the Hub's clients follow no slash redirect
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.site.context.shell",
            ],
            "builtins": [
                "portal.site.templatetags.form_token",
                "portal.site.templatetags.names",
            ],
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = env.path(
    "WEIGHTGATE_STATIC_ROOT", shown="$WEIGHTGATE_VAR/static", default=VAR / "static"
)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_BODY_BYTES

# --- people
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"portal.accounts.sign_in.passwords.{name}"}
    for name in ("UnlikeTheAccount", "LongEnough", "Uncommon", "MoreThanDigits")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "site:home"
LOGOUT_REDIRECT_URL = "site:home"
ACCOUNT_ADAPTER = "portal.accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "portal.accounts.forms.SignupForm"
ACCOUNT_FORMS = {
    "signup": "portal.accounts.sign_in.forms.SignupForm",
    "add_email": "portal.accounts.sign_in.forms.AddEmailForm",
    "reset_password": "portal.accounts.sign_in.forms.ResetPasswordForm",
    "reset_password_from_key": "portal.accounts.sign_in.forms.ResetPasswordKeyForm",
}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_VERIFICATION = "optional"  # to read and draft; submitting asks for a proved address
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 8
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {
    "signup": "20/m/ip,200/h/ip",
    "login_failed": "10/m/ip,5/5m/key",  # the key is an account in one network
    "login_failed_anywhere": "100/h/key",
}

# --- safety
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "portal.site.views.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

# --- the REST API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.tokens.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.base.schema.ApiSchema",
    "DEFAULT_PAGINATION_CLASS": "portal.api.base.pagination.NumberedPages",
    "EXCEPTION_HANDLER": "portal.api.base.exceptions.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.base.parsers.BoundedJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["portal.api.base.throttling.WriteThrottle"],
    "DEFAULT_THROTTLE_RATES": {"write": "120/min"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Weightgate",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "GateEnum": "portal.catalog.models.Gate",
        "LicenceKindEnum": "portal.catalog.models.LicenceVersion.Kind",
        "RequestStateEnum": "portal.access.models.AccessRequest.State",
        "DecisionVerdictEnum": "portal.access.models.Decision.Verdict",
        "ReferenceVerdictEnum": "portal.accounts.models.Reference.Verdict",
        "ScreeningKindEnum": "portal.access.models.ScreeningEntry.Kind",
        "LetterStateEnum": "portal.outbox.models.OutboxMessage.State",
    },
}

# --- the log
LOG_FORMAT = env.choice("WEIGHTGATE_LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"log": {"()": "portal.observability.logs.formatter", "kind": LOG_FORMAT}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "log"}},
    "root": {"handlers": ["console"], "level": env.text("WEIGHTGATE_LOG_LEVEL", "INFO")},
    "loggers": {
        # both would tell the letters of a signer's name
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "ERROR"},
        # in place of the servers' own handlers, which know no request and blot no secret out
        "uvicorn.error": {"handlers": ["console"], "propagate": False},
        "gunicorn.error": {"handlers": ["console"], "propagate": False},
    },
}
SENTRY_DSN = env.text("WEIGHTGATE_SENTRY_DSN")
if SENTRY_DSN:
    from portal.observability.error_reports import (
        start_reporting,  # sentry-sdk is loaded for this alone
    )

    start_reporting(SENTRY_DSN)
