from __future__ import annotations

from django.urls import path

from portal.accounts.views import (
    affiliations,
    languages,
    profile,
    references,
    time_zones,
    tokens,
)

app_name = "accounts"
urlpatterns = [
    path("profile", profile.profile, name="profile"),
    path("profile/keys", profile.choose_keys, name="keys"),
    path("profile/time-zone", time_zones.choose_time_zone, name="time_zone"),
    path("profile/language", languages.language, name="language"),
    path("tokens", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke", tokens.revoke, name="token_revoke"),
    path("affiliations", affiliations.affiliations, name="affiliations"),
    path("affiliations/check", affiliations.check, name="affiliations_check"),
    path("affiliations/<int:affiliation_id>/renew", affiliations.renew, name="affiliation_renew"),
    path("affiliations/prove/<str:signed>", affiliations.prove, name="affiliation_prove"),
    path("affiliations/references/<int:reference_id>/resend", references.resend, name="resend"),
    path("affiliations/references/<int:reference_id>/cancel", references.cancel, name="cancel"),
    path(
        "affiliations/references/<int:reference_id>/address",
        references.address,
        name="reference_address",
    ),
    path("references/<str:secret>", references.reference, name="reference"),
]
