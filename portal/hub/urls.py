"""The Hub's protocol, under the Hub's own addresses. No trailing slashes."""

from __future__ import annotations

from django.urls import path, re_path

from portal.hub.absent import ABSENT, REGISTRY
from portal.hub.views import (
    access_requests,
    account,
    commits,
    files,
    lfs,
    models,
    others,
    own_repos,
    refs,
    repos,
    trees,
)

REPO = "<str:namespace>/<str:name>"
MODEL = f"api/models/{REPO}"
ASKED = f"{MODEL}/user-access-request"
NOT_OFFERED = "xet-write-token|lfs-files/batch"

app_name = "hub"
urlpatterns = [
    *(
        re_path(f"^{address}$", others.absent, {"instead": instead}, name="absent")
        for address, instead in ABSENT.items()
    ),
    path("v2/", others.absent, {"instead": REGISTRY}, name="registry"),
    path("v2/<path:rest>", others.absent, {"instead": REGISTRY}, name="manifests"),
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
    path("api/repos/create", repos.create, name="create"),
    path("api/repos/delete", repos.delete, name="delete"),
    path("api/repos/move", repos.move, name="move"),
    path(f"{MODEL}/duplicate", repos.duplicate, name="duplicate"),
    path("api/settings/repositories", own_repos.index, name="own-repos"),
    path(
        "api/organizations/<str:namespace>/settings/repositories",
        own_repos.index,
        name="own-repos-by",
    ),
    path("api/validate-yaml", repos.validate_yaml, name="validate-yaml"),
    path(f"{MODEL}/settings", repos.change, name="settings"),
    path(f"{MODEL}/preupload/<path:revision>", commits.preupload, name="preupload"),
    path(f"{MODEL}/commit/<path:revision>", commits.commit, name="commit"),
    path(f"{MODEL}/branch/<path:branch>", refs.branch, name="branch"),
    path(f"{MODEL}/tag/<path:rest>", refs.tag, name="tag"),
    path(f"{MODEL}/super-squash/<path:branch>", refs.squash, name="squash"),
    path(f"{MODEL}/lfs-files", lfs.index, name="lfs-files"),
    path(f"{REPO}.git/info/lfs/objects/batch", lfs.batch, name="lfs-batch"),
    path("-/u/<str:signed>", lfs.upload, name="upload"),
    path("-/u/<str:signed>/complete", lfs.complete, name="complete"),
    path("-/u/<str:signed>/verify", lfs.verify, name="verify"),
    re_path(
        rf"^api/models/(?P<namespace>[^/]+)/(?P<name>[^/]+)/(?:{NOT_OFFERED})(?:/.*)?$",
        others.not_offered,
        name="not-offered",
    ),
    path(f"{MODEL}/discussions", others.discussions, name="discussions"),
    path(f"{MODEL}/discussions/<path:rest>", others.discussions, name="discussion"),
    path(f"{REPO}.git/<path:rest>", others.git, name="git"),
    path(f"{REPO}/info/refs", others.git, name="git-refs"),  # git clone, without the suffix
    path(f"{MODEL}/<path:rest>", others.nothing_of_repo, name="no-part"),
    path("api/models/<str:name>", others.no_such_repo, name="no-namespace"),
    re_path(r"^api/(?:datasets|spaces)(?:/.*)?$", others.no_such_repo, name="no-model"),
    path("api/<path:rest>", others.nothing, name="nothing"),
    path(f"{REPO}/resolve/<path:rest>", files.resolve, name="resolve"),
    path(f"{REPO}/raw/<path:rest>", files.raw, name="raw"),
    path(f"{REPO}/picture/<path:rest>", files.picture, name="picture"),
    re_path(r"^(?:datasets|spaces)/.+/resolve/", others.no_such_repo, name="no-model-file"),
    path("<str:name>/resolve/<path:rest>", others.no_such_repo, name="no-namespace-file"),
]
