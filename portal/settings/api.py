"""Django REST framework and its OpenAPI schema."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.tokens.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_METADATA_CLASS": "portal.api.base.metadata.ViewMetadata",
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
    "ENUM_NAME_OVERRIDES": {
        "LabRoleEnum": "portal.access.people.roles.LabRole",
        "InvitationRoleEnum": "portal.access.models.Invitation.Role",
        "TeamRoleEnum": "portal.catalog.models.TeamMember.Role",
        "GateEnum": "portal.catalog.models.Gate",
        "LicenceKindEnum": "portal.catalog.models.LicenceVersion.Kind",
        "RequestStateEnum": "portal.access.models.AccessRequest.State",
        "DecisionVerdictEnum": "portal.access.models.Decision.Verdict",
        "ReferenceVerdictEnum": "portal.accounts.models.Reference.Verdict",
        "ScreeningKindEnum": "portal.access.models.ScreeningEntry.Kind",
        "FrequencyEnum": "portal.access.models.Frequency",
        "LetterStateEnum": "portal.outbox.models.OutboxMessage.State",
    },
}
