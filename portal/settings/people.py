"""Accounts, sign-in, and the limits of allauth."""

from __future__ import annotations

from portal.settings.site import HTTPS

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
ACCOUNT_SIGNUP_FORM_CLASS = "portal.accounts.forms.SignupFields"
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
