from __future__ import annotations

from http import HTTPStatus

from django.utils.translation import gettext as _

from portal.errors import Conflict, DomainError, NotFound


class NoSuchLetter(NotFound):
    code = "letter_not_found"

    def __init__(self) -> None:
        super().__init__(_("There’s no such letter, or none that you may send again."))


class NotYetSent(Conflict):
    code = "letter_not_sent"


class ResentTooOften(DomainError):
    code = "letter_resent_too_often"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, most: int) -> None:
        super().__init__(
            _("A letter is sent again at most %(most)s times a day. You can read it in the inbox.")
            % {"most": most}
        )


class UnreadableBounce(Exception):
    """The input is no delivery report, or a report about no mail of ours."""
