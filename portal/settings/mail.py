"""Mail: files in the demo, SMTP elsewhere."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.settings.site import HTTPS, VAR

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
EMAIL_TIMEOUT = 20  # for a server that takes connections and says nothing
DEFAULT_FROM_EMAIL = env.text("WEIGHTGATE_MAIL_FROM", "weightgate@localhost")
MAIL_MAX_ATTEMPTS = 8
DIGEST_HOUR = env.integer("WEIGHTGATE_DIGEST_HOUR", 8, maximum=23)
