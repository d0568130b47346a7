"""``manage.py model``: a lab’s models are listed, made, set, renamed and deleted without a page."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_licence, make_repo

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher():
    return make_user("ada")


@pytest.fixture
def lab(publisher):
    return make_lab("lab", publisher=publisher)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("model", *arguments, stdout=out)
    return out.getvalue()


def shown(name: str) -> dict:
    return json.loads(run("show", name))


def test_a_model_is_made_shown_and_set(lab):
    make_licence()
    said = run("create", "lab/opt", "--as=ada", "--summary=A small OPT.")
    assert "HF_HUB_DISABLE_XET=1 hf upload lab/opt ./FOLDER ." in said
    assert (shown("lab/opt")["private"], shown("lab/opt")["download_gate"]) == (True, "open")
    with pytest.raises(CommandError, match=r"^--licence: A gated model stands") as refused:
        run("set", "lab/opt", "--as=ada", "--download-gate=review")
    assert "/settings" not in str(refused.value)
    with pytest.raises(CommandError, match=r"^--context-length: Give a whole number, 1 to 2,147"):
        run("set", "lab/opt", "--as=ada", "--context-length=99999999999")
    with pytest.raises(CommandError, match=r"^--context-length: Give a whole number, 1 to 2,147"):
        run("set", "lab/opt", "--as=ada", "--context-length=-1")
    with pytest.raises(CommandError, match="name: It has that name already"):
        run("rename", "lab/opt", "lab/opt", "--as=ada")
    said = run(
        "set",
        "lab/opt",
        "--as=ada",
        "--licence=noncommercial",
        "--download-gate=review",
        "--hosted=yes",
        "--parameters=125000000",
    )
    assert "download_gate: 'open' is now 'review'" in said
    assert shown("lab/opt")["licence"] == "noncommercial"
    assert ModelRepo.objects.get().team.get().user.username == "ada"
    assert "Nothing differs" in run("set", "lab/opt", "--as=ada", "--hosted=yes")
    listed = json.loads(run("list", "lab", "--json"))
    assert [(row["name"], row["hosted"], row["waiting"]) for row in listed] == [
        ("lab/opt", True, 0)
    ]


def test_a_dry_run_lists_what_deleting_affects_and_the_name_confirms_it(lab):
    repo = make_repo("opt", namespace=lab)
    make_grant(repo)
    make_request(repo)
    said = run("delete", "lab/opt", "--as=ada", "--dry-run")
    assert "Nothing is changed" in said
    assert "1 grant: access ends at once" in said
    assert "1 request waiting" in said
    with pytest.raises(CommandError, match="confirm: Type the whole name"):
        run("delete", "lab/opt", "--as=ada")
    assert "is deleted" in run("delete", "lab/opt", "--as=ada", "--confirm=lab/opt")
    assert AuditEvent.objects.filter(type="repo.deleted").count() == 1


def test_a_dry_run_of_a_new_name_checks_it(lab):
    make_repo("opt", namespace=lab)
    make_repo("taken", namespace=lab)
    assert "lab/opt leads to the new name" in run(
        "rename", "lab/opt", "lab/new", "--as=ada", "--dry-run"
    )
    assert not ModelRepo.objects.named("lab/new").exists()
    with pytest.raises(CommandError):
        run("rename", "lab/opt", "lab/taken", "--as=ada", "--dry-run")
    run("rename", "lab/opt", "lab/new", "--as=ada")
    assert ModelRepo.objects.named("lab/new").exists()


def test_what_is_served_by_its_name_keeps_it_and_says_where_to_end_that(lab):
    make_repo("opt", namespace=lab, hosted=True)
    for act in (("rename", "lab/opt", "lab/new"), ("delete", "lab/opt", "--confirm=lab/opt")):
        with pytest.raises(CommandError, match="/lab/opt/settings"):
            run(*act, "--as=ada")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "nowhere/opt", "--as=ada"), "no namespace nowhere"),
        (("create", "lab/o--t", "--as=ada"), "name: Use 1 to 96 letters"),
        (("create", "lab/opt", "--as=nobody"), "no account nobody"),
        (("create", "lab/opt", "--as=ada", "--licence=none-such"), "licence: No licence"),
        (("create", "lab/opt", "--as=ada", "--parameters=-1"), "parameters"),
    ],
)
def test_what_is_wrong_is_named(lab, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert not ModelRepo.objects.exists()


def test_strangers_may_nothing(lab):
    make_repo("opt", namespace=lab)
    make_user("eve")
    for act in (("set", "lab/opt", "--private=yes"), ("rename", "lab/opt", "lab/new")):
        with pytest.raises(CommandError, match="may not publish"):
            run(*act, "--as=eve")
