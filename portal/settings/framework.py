"""Django's own settings: apps, middleware, templates, static files."""

from __future__ import annotations

from portal import env
from portal.parsing.json import LARGEST_BODY_BYTES
from portal.settings.site import DEBUG, TEMPLATE_DIR, VAR

INSTALLED_APPS = [
    "portal.accounts",  # first, since its command changepassword leaves an event, unlike Django's
    "django.contrib.admin.apps.SimpleAdminConfig",  # read by operators; it finds no apps by itself
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
    "portal.audit",
    "portal.outbox",
    "portal.catalog",
    "portal.access",
    "portal.delivery",
    "portal.jobs",
    "portal.hub",
    "portal.backup",
    "portal.site",
]
MIDDLEWARE = [
    "portal.surfaces.watching.tracing.tracing",
    "portal.surfaces.watching.measuring.measuring",
    "portal.observability.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.surfaces.assets.compressing.compressing",
    "portal.surfaces.assets.serving.AssetsMiddleware",
    "portal.surfaces.middleware.PrivateByDefaultMiddleware",
    "portal.surfaces.indexing.IndexingMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.surfaces.first_run.first_run",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.surfaces.languages.speaking.speaking",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.surfaces.answer_pages.AnswerPageMiddleware",
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
        "DIRS": [TEMPLATE_DIR],
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = env.path(
    "WEIGHTGATE_STATIC_ROOT", shown="$WEIGHTGATE_VAR/static", default=VAR / "static"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "portal.surfaces.assets.addresses.VersionedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_BODY_BYTES
