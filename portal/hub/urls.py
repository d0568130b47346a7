"""The Hub's protocol, under the Hub's own addresses. No trailing slashes."""

from __future__ import annotations

from django.urls import path, re_path

from portal.hub.views import access_requests, account, files, models, others, trees

REPO = "<str:namespace>/<str:name>"
MODEL = f"api/models/{REPO}"
ASKED = f"{MODEL}/user-access-request"
PUBLISHING = "preupload|commit|xet-write-token|settings|branch|tag|lfs-files|super-squash"

app_name = "hub"
urlpatterns = [
    path("api/whoami-v2", account.whoami, name="whoami"),
    path("api/models", models.index, name="models"),
    path(MODEL, models.info, name="model"),
    path(f"{MODEL}/revision/<path:revision>", models.info, name="revision"),
    path(f"{MODEL}/tree/<path:rest>", trees.tree, name="tree"),
    path(f"{MODEL}/paths-info/<path:revision>", trees.paths_info, name="paths"),
    path(f"{MODEL}/refs", trees.refs, name="refs"),
    path(f"{MODEL}/commits/<path:revision>", trees.commits, name="commits"),
    path(f"{MODEL}/auth-check", models.auth_check, name="auth-check"),
    path(f"{MODEL}/auth-check/write", models.write_check, name="write-check"),
    path(f"{ASKED}/handle", access_requests.handle, name="handle"),
    path(f"{ASKED}/grant", access_requests.grant, name="grant"),
    path(f"{ASKED}/<str:status>", access_requests.index, name="requests"),
    re_path(
        rf"^api/models/(?P<namespace>[^/]+)/(?P<name>[^/]+)/(?:{PUBLISHING})(?:/.*)?$",
        others.publishing,
        name="publish",
    ),
    re_path(r"^api/(?:repos/.*|validate-yaml)$", others.publishing, name="repos"),
    path(f"{REPO}.git/info/lfs/<path:rest>", others.publishing, name="lfs"),
    path(f"{MODEL}/<path:rest>", others.nothing_of_repo, name="no-part"),
    path("api/models/<str:name>", others.no_such_repo, name="no-namespace"),
    re_path(r"^api/(?:datasets|spaces)(?:/.*)?$", others.no_such_repo, name="no-model"),
    path("api/<path:rest>", others.nothing, name="nothing"),
    path(f"{REPO}/resolve/<path:rest>", files.resolve, name="resolve"),
    re_path(r"^(?:datasets|spaces)/.+/resolve/", others.no_such_repo, name="no-model-file"),
    path("<str:name>/resolve/<path:rest>", others.no_such_repo, name="no-namespace-file"),
]
