"""Django's password rules, with messages that say what to do."""

from __future__ import annotations

from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    NumericPasswordValidator,
    UserAttributeSimilarityValidator,
)
from django.utils.translation import gettext as _


class UnlikeTheAccount(UserAttributeSimilarityValidator):
    def __init__(self) -> None:
        super().__init__(user_attributes=("username", "name", "email"))

    def get_error_message(self) -> str:
        return _("Choose a password that is less like your name or your address.")


class LongEnough(MinimumLengthValidator):
    def get_error_message(self) -> str:
        return _("Use %(min_length)s characters or more. A few plain words are easy to keep.") % {
            "min_length": self.min_length
        }


class Uncommon(CommonPasswordValidator):
    def get_error_message(self) -> str:
        return _("Choose another password: this one is among the first that are tried.")


class MoreThanDigits(NumericPasswordValidator):
    def get_error_message(self) -> str:
        return _("Put letters or words beside the digits: digits alone are soon guessed.")
