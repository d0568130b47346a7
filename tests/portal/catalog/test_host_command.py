"""``manage.py host``: a repo becomes what a worker serves, and ceases to be."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user
from tests.factories.catalog import make_folder, make_repo, make_revision
from workers.generate import find_hosted

pytestmark = pytest.mark.django_db


def host(repo, *options, actor):
    out = io.StringIO()
    call_command("host", repo, "--as", actor.username, *options, stdout=out)
    return out.getvalue()


def test_a_worker_finds_what_is_hosted_and_each_newer_revision_of_it(tmp_path):
    repo, operator = make_repo("opt"), make_user("operator", superuser=True)
    first = make_revision(repo, tmp_path / "model")
    assert find_hosted() is None
    assert "is hosted" in host(repo.full_name, actor=operator)
    assert find_hosted().revision == first
    second = make_revision(repo, make_folder(tmp_path / "model", **{"notes.txt": "Notes."}))
    assert find_hosted().revision == second != first
    assert "no more" in host(repo.full_name, "--end", actor=operator)
    assert find_hosted() is None
    assert AuditEvent.objects.filter(type="repo.configured").count() == 2


def test_of_several_the_one_that_is_named_is_served(tmp_path, settings):
    operator, repos = make_user("operator", superuser=True), [make_repo("one"), make_repo("two")]
    for repo in repos:
        make_revision(repo, tmp_path / repo.name)
        host(repo.full_name, actor=operator)
    assert find_hosted() is None
    settings.HOSTED_MODEL = repos[1].full_name
    assert find_hosted().repo == repos[1]
    assert repos[1].full_name in host(repos[0].full_name, actor=operator)


def test_who_may_not_publish_there_may_not_host(db):
    repo = make_repo("opt")
    with pytest.raises(CommandError, match="may not publish"):
        host(repo.full_name, actor=make_user())
    with pytest.raises(CommandError, match="hf repos create no/such"):
        host("no/such", actor=make_user())
