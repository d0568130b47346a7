"""Say, by address, what the Hub has and this portal hasn't, and what to do instead."""

from __future__ import annotations

MODEL = "api/models/[^/]+/[^/]+"
ABSENT = {
    rf"{MODEL}/(?:like|likers)": (
        "Nobody likes a model here. Its downloads are counted: see “downloads” of the model."
    ),
    rf"{MODEL}/lfs-files/duplicate": (
        "Files are copied within one model alone. Duplicate the model, or upload them again."
    ),
    "api/users/[^/]+/likes": "Nobody likes a model here. List the models with GET /api/models.",
    "api/(?:users|organizations)/[^/]+/(?:overview|followers|following|members|avatar)": (
        "People and organizations have no profiles here. GET /api/models?author=NAME lists what a "
        "namespace has released, GET /api/whoami-v2 says who you are."
    ),
    "api/collections(?:/.*)?": (
        "There are no collections here. GET /api/models?author=NAME lists what belongs together."
    ),
    "api/settings/webhooks(?:/.*)?": (
        "There are no webhooks here. Ask for what has changed: GET /api/v1/ has the lists, and "
        "GET /api/models/NAMESPACE/NAME the newest commit."
    ),
    "api/(?:papers|daily_papers)(?:/.*)?": (
        "There are no papers here. Name yours in the model’s card."
    ),
    "api/(?:models|datasets)-tags-by-type": (
        "There is no list of all tags here. GET /api/models tells the tags of each model."
    ),
    "api/(?:datasets|spaces|kernels|buckets)": (
        "There are only models here. List them with GET /api/models."
    ),
}
DISCUSSIONS = (
    "There are no discussions and no pull requests here. Commit to a branch; to reach the team, "
    "ask on the page of your request for access."
)
REGISTRY = "This is no registry of containers. Download a model with `hf download NAMESPACE/NAME`."
