"""The names of what is recorded: ``subject.what_happened``."""

from __future__ import annotations

from django.db import models


class EventType(models.TextChoices):
    ACCOUNT_CREATED = "account.created"
    NAME_CHANGED = "account.name_changed"
    EMAIL_CONFIRMED = "email.confirmed"
    AFFILIATION_PROVED = "affiliation.proved"
    AFFILIATION_ENDED = "affiliation.ended"
    REFERENCE_ASKED = "reference.asked"
    REFERENCE_SENT_AGAIN = "reference.sent_again"
    REFERENCE_CANCELLED = "reference.cancelled"
    REFERENCE_ANSWERED = "reference.answered"
    NAMESPACE_ROLE_GIVEN = "namespace.role_given"
    TOKEN_ISSUED = "token.issued"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    REPO_CREATED = "repo.created"
    REPO_CONFIGURED = "repo.configured"
    TEAM_MEMBER_ADDED = "repo.team_member_added"
    LICENCE_PUBLISHED = "licence.published"
    REVISION_PUBLISHED = "revision.published"
    LICENCE_SIGNED = "licence.signed"
    REQUEST_SUBMITTED = "request.submitted"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_QUESTION_ASKED = "request.question_asked"
    REQUEST_QUESTION_ANSWERED = "request.question_answered"
    REQUEST_APPROVED = "request.approved"
    REQUEST_DECLINED = "request.declined"
    REQUEST_REOPENED = "request.reopened"
    GRANT_MADE = "grant.made"
    GRANT_REVOKED = "grant.revoked"
    LINK_MINTED = "link.minted"
    JOB_SUBMITTED = "job.submitted"
    JOB_ENDED = "job.ended"
    MAIL_RESENT = "mail.resent"
    LETTER_EDITED = "letter.edited"
    LETTER_RESET = "letter.reset"
