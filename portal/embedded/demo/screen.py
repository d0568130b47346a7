"""The one screen that a started demo shows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from portal.embedded.demo.adopting import ROOT

ROLES = {
    "approved": "may download and run the gated model",
    "applicant": "has a request waiting",
    "newcomer": "has asked for nothing yet",
    "reviewer": "decides on requests",
    "publisher": "publishes in a namespace",
    "publisher2": "the same, in another",
    "operator": "superuser",
}


def render(demo: dict[str, Any], python: str, var: Path) -> str:
    heading = f"  Weightgate is ready:  {demo['base_url']}"
    return "\n".join(["", heading, "", *_accounts(demo), "", *_try(demo, python, var)])


def _accounts(demo: dict[str, Any]) -> list[str]:
    rows = [
        (role, account["username"], account["password"], ROLES.get(role, ""))
        for role, account in demo["accounts"].items()
    ]
    heading = ("role", "username", "password", "")
    widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(3)]
    return [
        f"  {role:<{widths[0]}}  {name:<{widths[1]}}  {password:<{widths[2]}}  {note}".rstrip()
        for role, name, password, note in [heading, *rows]
    ]


def _try(demo: dict[str, Any], python: str, var: Path) -> list[str]:
    url, token = demo["base_url"], demo["accounts"]["approved"]["token"]
    gated, hosted = demo["repos"]["gated"], demo["hosted_model"]
    hub = Path(python).with_name("hf")
    transformers = f"import transformers as t; t.AutoModelForCausalLM.from_pretrained('{gated}')"
    openai = (
        f"from openai import OpenAI; "
        f"print(OpenAI().completions.create(model='{hosted}', prompt='The', max_tokens=20))"
    )
    return [
        "  Paste, in another terminal (the approved account's token):",
        "",
        *_where(var),
        f"export HF_ENDPOINT={url} HF_TOKEN={token}",
        f"export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={token}",
        f"{hub} download {gated}",
        f'{python} -c "{transformers}"',
        f'{python} -c "{openai}"',
        "",
        "  Ctrl-C stops everything.",
        "",
    ]


def _where(var: Path) -> list[str]:
    """Tell other terminals where a demo lies that isn't at its usual place."""
    usual = var.resolve() == (ROOT / "var").resolve()
    return [] if usual else [f"export WEIGHTGATE_VAR={shlex.quote(str(var.resolve()))}"]
