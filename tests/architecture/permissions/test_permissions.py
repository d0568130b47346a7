"""Every role gets the right answer at every address: one row per address and method.

A row gives the answer that most roles get, and the roles that get another. "login" is a redirect
to the sign-in page. An address without a row fails.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Grant
from portal.accounts.models import AccessToken, Reference, User
from portal.accounts.services import prove_by_email
from portal.catalog.models import Collection, ModelRepo, Revision, TeamMember
from portal.delivery.links import Link, sign
from portal.outbox.models import OutboxMessage
from portal.site.context import Work
from portal.site.operators.records import COLUMNS
from tests.architecture.permissions.api_rows import API_ROWS
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.affiliations import give_address, make_organization
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.collections import make_collection
from tests.factories.references import make_reference

ROLES = [
    "anonymous",
    "researcher",
    "applicant",
    "licensee",
    "reviewer",
    "other_reviewer",
    "administrator",
    "publisher",
    "operator",
]


@dataclass
class World:
    """A gated repo with a revision, a request that waits, a grant, and somebody in each role."""

    repo: ModelRepo
    revision: Revision
    people: dict[str, User]
    request: AccessRequest
    grant: Grant
    token: AccessToken
    letter: OutboxMessage
    signing: ModelRepo
    collection: Collection
    secrets: dict[str, str] = field(default_factory=dict)


def make_world(folder: Path) -> World:
    repo = make_repo()
    grant = make_grant(repo)
    applicant = make_user()
    people = {
        "researcher": make_user(),
        "applicant": applicant,
        "licensee": grant.person,
        "reviewer": make_reviewer(repo),
        "other_reviewer": make_reviewer(make_repo()),
        "administrator": make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR),
        "publisher": repo.namespace.roles.exclude(user__is_superuser=True).get().user,
        "operator": make_user(superuser=True),
    }
    request = make_request(repo, applicant)
    world = World(
        repo=repo,
        revision=make_revision(repo, folder),
        people=people,
        request=request,
        grant=grant,
        token=make_token(applicant)[0],
        letter=OutboxMessage.objects.get(kind="receipt", recipient=applicant),
        signing=make_repo(gate="licence"),
        # A licence's slug and a collection's are one argument of the API's rows.
        collection=make_collection([make_repo(namespace=repo.namespace)], slug="noncommercial"),
    )
    now = timezone.now()
    for role, person in people.items():
        world.secrets[role] = make_token(person, now=now)[1]
    return world


Arguments = Callable[[World], dict[str, Any]]


def names(world: World) -> dict[str, Any]:
    return {"namespace": world.repo.namespace.name, "name": world.repo.name}


def lab(world: World) -> dict[str, Any]:
    return {"namespace": world.repo.namespace.name}


def publisher_role(world: World) -> dict[str, Any]:
    return lab(world) | {"username": world.people["publisher"].username, "role": "publisher"}


def no_invitation(world: World) -> dict[str, Any]:
    return {"invitation_id": 0}


def of_commit(world: World) -> dict[str, Any]:
    return names(world) | {"commit": world.revision.commit}


def of_collection(world: World) -> dict[str, Any]:
    return lab(world) | {"slug": world.collection.slug}


def no_model_of_grant(world: World) -> dict[str, Any]:
    return of_grant(world) | {"repo_id": 0}


def in_repo(**more: Any) -> Arguments:
    return lambda world: names(world) | more


def of_request(world: World) -> dict[str, Any]:
    return {"request_id": world.request.pk}


def nothing(world: World) -> dict[str, Any]:
    return {}


def first_step(world: World) -> dict[str, Any]:
    return of_request(world) | {"step": "you"}


def of_grant(world: World) -> dict[str, Any]:
    return {"grant_id": world.grant.pk}


def of_token(world: World) -> dict[str, Any]:
    return {"token_id": world.token.pk}


def of_manifest_key(world: World) -> dict[str, Any]:
    return {"fingerprint": world.revision.signature.key_id}


def of_affiliation(world: World) -> dict[str, Any]:
    """One of the applicant's that runs out soon."""
    make_organization("renewal.example")
    address = give_address(world.people["applicant"], "applicant@renewal.example")
    a_year_ago = timezone.now() - timedelta(days=360)
    (proof,) = prove_by_email(person=address.user, now=a_year_ago, confirmed=address.email)
    return {"affiliation_id": proof.pk}


def of_reference(world: World) -> dict[str, Any]:
    """Make a question that the applicant has put to somebody."""
    email = f"{uuid.uuid4().hex}@institute.example"
    now = timezone.now()
    asked, _ = make_reference(world.people["applicant"], now=now, email=email)
    # The rows ask more people than one may ask in a day.
    Reference.objects.filter(pk=asked.pk).update(asked_at=now - timedelta(days=2))
    return {"reference_id": asked.pk}


def of_returned(world: World) -> dict[str, Any]:
    """Make a question whose letter came back, so that its address may be mended."""
    arguments = of_reference(world)
    key = f"reference-{arguments['reference_id']}-"
    letters = OutboxMessage.objects.filter(key__startswith=key)
    letters.update(state=OutboxMessage.State.BOUNCED)
    return arguments


def reference_link(world: World) -> dict[str, Any]:
    """Whoever holds it may answer."""
    _, secret = make_reference(world.people["applicant"], now=timezone.now())
    return {"secret": secret}


def of_letter(world: World) -> dict[str, Any]:
    return {"message_id": world.letter.pk}


def strange_link(world: World) -> dict[str, Any]:
    return {"signed": "nothing"}


def no_job(world: World) -> dict[str, Any]:
    return {"job_id": uuid.UUID(int=0)}


def no_completion(world: World) -> dict[str, Any]:
    return {"completion_id": f"cmpl-{uuid.UUID(int=0).hex}"}


def altered_link(world: World) -> dict[str, Any]:
    return {"signed": "altered", "filename": "captures.safetensors"}


def no_file(world: World) -> dict[str, Any]:
    return {"file_id": f"file-{uuid.UUID(int=0).hex}"}


def no_batch(world: World) -> dict[str, Any]:
    return {"batch_id": f"batch_{uuid.UUID(int=0).hex}"}


def no_entry(world: World) -> dict[str, Any]:
    return {"entry_id": 0}


def signing_repo(world: World) -> dict[str, Any]:
    return {"namespace": world.signing.namespace.name, "name": world.signing.name}


def of_signature(world: World) -> dict[str, Any]:
    return {"acceptance_id": world.request.submissions.get().acceptance_id}


def licence(world: World) -> dict[str, Any]:
    return {"slug": "noncommercial", "version": "1.0"}


def weights_link(world: World) -> dict[str, Any]:
    """Make a link for the licensee; whoever holds it may use it until it ends."""
    file = world.revision.files.get(path="model-00001-of-00002.safetensors")
    person = world.people["licensee"].pk
    link = Link(file.pk, person, None, timezone.now() + timedelta(minutes=5))
    return {"signed": sign(link), "filename": file.path}


@dataclass(frozen=True)
class Row:
    """``most`` is the answer of every role that ``others`` doesn't name."""

    name: str
    method: str
    most: int | str
    others: dict[str, int | str] = field(default_factory=dict)
    arguments: Arguments = nothing
    data: Any = None

    def expected(self) -> dict[str, int | str]:
        answers: dict[str, int | str] = dict.fromkeys(ROLES, self.most)
        for roles, answer in self.others.items():
            answers |= dict.fromkeys(roles.split(), answer)
        return answers

    def __str__(self) -> str:
        return f"{self.method} {self.name} ({self.arguments.__name__})"


LOGIN = {"anonymous": "login"}
TEAM = "reviewer administrator"
ADMINISTER = "administrator publisher operator"
RUN_IT = f"reviewer {ADMINISTER}"
OTHER = {"other_reviewer": 404}
WEIGHTS = in_repo(rest="main/model-00001-of-00002.safetensors")
CARD = in_repo(rest="main/README.md")
ANONYMOUS = {"anonymous": 401}
PUBLISHERS = "publisher operator"


def runs_or_publishes(code: int) -> dict[str, int]:
    """Refuse whoever administers alone by name, and answer those who publish."""
    return {"administrator": 403, PUBLISHERS: code}


PUBLISH = {PUBLISHERS: 400}  # they may, and send nothing
MADE_BY = {"administrator": 403}
INSIDERS = "licensee administrator publisher operator"

LOOKED_UP = [model._meta.label_lower.replace(".", "_") for model in COLUMNS]
PAGES = [
    Row("records:index", "GET", 403, LOGIN | {"operator": 200}),
    *(
        Row(f"records:{name}_changelist", "GET", 403, LOGIN | {"operator": 200})
        for name in LOOKED_UP
    ),
    *(
        Row(
            f"records:{name}_change",
            "GET",
            403,
            LOGIN | {"operator": 302},
            lambda w: {"object_id": "0"},
        )
        for name in LOOKED_UP
    ),
    Row("favicon", "GET", 302),
    Row("robots", "GET", 200),
    Row("healthz", "GET", 200),
    Row("readyz", "GET", 200),
    Row("metrics", "GET", 404, {"operator": 200}),
    Row("site:home", "GET", 200),
    Row("site:model_settings", "GET", 403, LOGIN | {PUBLISHERS: 200}, names),
    Row("site:model_settings", "POST", 403, LOGIN | {PUBLISHERS: 422}, names),
    Row("site:consent", "GET", 403, LOGIN | {PUBLISHERS: 302}, of_commit),
    Row("site:consent", "POST", 403, LOGIN | {PUBLISHERS: 302}, of_commit),
    Row("site:model_files", "GET", 403, LOGIN | {PUBLISHERS: 200}, names),
    Row("site:model_rename", "GET", 403, LOGIN | {PUBLISHERS: 200}, names),
    Row("site:model_rename", "POST", 403, LOGIN | {PUBLISHERS: 422}, names),
    Row("site:model_name_give_up", "POST", 403, LOGIN | {PUBLISHERS: 404}, in_repo(former_id=0)),
    Row("site:model_delete", "GET", 403, LOGIN | {PUBLISHERS: 200}, names),
    Row("site:model_delete", "POST", 403, LOGIN | {PUBLISHERS: 422}, names),
    Row("site:lab_models", "GET", 404, LOGIN | {ADMINISTER: 200}, lab),
    Row("site:lab_model_new", "GET", 404, LOGIN | MADE_BY | {PUBLISHERS: 200}, lab),
    Row("site:lab_model_new", "POST", 404, LOGIN | MADE_BY | {PUBLISHERS: 422}, lab),
    Row("site:lab_licences", "GET", 404, LOGIN | {ADMINISTER: 200}, lab),
    Row("site:lab_licence_new", "GET", 404, LOGIN | MADE_BY | {PUBLISHERS: 200}, lab),
    Row("site:lab_licence_new", "POST", 404, LOGIN | MADE_BY | {PUBLISHERS: 422}, lab),
    Row(
        "site:lab_licence_version",
        "GET",
        404,
        LOGIN | {"administrator publisher": 403, "operator": 200},  # it is the operator's
        lambda w: lab(w) | {"slug": "noncommercial"},
    ),
    Row(
        "site:lab_licence_version",
        "POST",
        404,
        LOGIN | {"administrator publisher": 403, "operator": 422},  # it is the operator's
        lambda w: lab(w) | {"slug": "noncommercial"},
    ),
    Row("site:model", "GET", 200, arguments=names),
    Row("site:commit", "GET", 302, arguments=of_commit),
    Row("site:licence", "GET", 200, arguments=licence),
    Row("site:licence_changes", "GET", 200, arguments=lambda w: licence(w) | {"other": "1.0"}),
    Row("site:licence_text", "GET", 200, arguments=licence),
    Row("site:planner", "GET", 200),
    Row("site:transparency", "GET", 200),
    Row("site:transparency_csv", "GET", 200),
    Row("site:transparency_json", "GET", 200),
    Row("site:usage", "GET", 200, LOGIN),
    Row("site:usage_csv", "GET", 200, LOGIN),
    Row("site:downloads", "GET", 403, LOGIN | {RUN_IT: 200}, names),
    Row("site:exports", "GET", 403, LOGIN | {ADMINISTER: 200}, names),
    Row(
        "site:export",
        "POST",
        403,
        LOGIN | {ADMINISTER: 200},
        in_repo(rows="grants", form="csv"),
    ),
    Row("site:bundle", "POST", 404, LOGIN | {f"{TEAM} applicant": 200}, of_request),
    Row("site:own_bundle", "POST", 404, LOGIN | {f"{TEAM} applicant": 200}, of_request),
    Row("site:my_data", "POST", 200, LOGIN),
    Row("site:theme", "POST", 302, data={"theme": "dark"}),
    Row("site:discard_typed", "POST", 302, LOGIN),
    Row("site:record", "GET", 200),
    Row("site:record_heads", "GET", 200),
    Row("site:manifest_key", "GET", 200),
    Row("site:known_key", "GET", 200, arguments=of_manifest_key),
    Row("site:upload", "GET", 403, LOGIN | {"publisher operator": 200}, names),
    Row("site:tree", "GET", 302, arguments=in_repo(rest="main")),
    Row("site:blob", "GET", 302, arguments=in_repo(rest="main/README.md")),
    Row("site:model_slash", "GET", 302, arguments=names),
    Row("site:namespace", "GET", 200, arguments=lab),
    Row("site:namespace_slash", "GET", 302, arguments=lab),
    Row("site:labs", "GET", 200, LOGIN),
    Row("site:labs_slash", "GET", 302),
    Row("site:lab_new", "GET", 403, LOGIN | {"operator": 200}),
    Row("site:lab_new", "POST", 403, LOGIN | {"operator": 422}),
    Row("site:lab", "GET", 404, LOGIN | {ADMINISTER: 200}, lab),
    Row("site:lab", "POST", 404, LOGIN | {ADMINISTER: 422}, lab),
    Row("site:lab_role", "GET", 404, LOGIN | {ADMINISTER: 200}, publisher_role),
    Row(
        "site:lab_role",
        "POST",
        404,
        LOGIN | {"administrator": 422, PUBLISHERS: 302},
        publisher_role,
    ),
    Row("site:checks", "GET", 403, LOGIN | {"operator": 200}),
    Row("site:checks", "POST", 403, LOGIN | {"operator": 200}),
    Row("site:operators_home", "GET", 403, LOGIN | {"operator": 200}),
    Row("site:operators_gate", "GET", 403, LOGIN | {"operator": 200}),
    Row("site:operators_mail", "GET", 403, LOGIN | {"operator": 200}),
    Row(
        "site:operators_mail_again",
        "POST",
        403,
        LOGIN | {"operator": 404},
        lambda w: {"message_id": 0},
    ),
    Row("site:operators", "GET", 403, LOGIN | {"operator": 200}),
    Row("site:operators", "POST", 403, LOGIN | {"operator": 422}),
    Row(
        "site:operator_take",
        "POST",
        403,
        LOGIN | {"operator": 422},
        lambda w: {"username": "nobody-here"},
    ),
    Row("access:invitation", "GET", 404, arguments=lambda w: {"secret": "made-up"}),
    Row("access:own_invitation", "GET", 404, LOGIN, no_invitation),
    Row("access:own_invitation", "POST", 404, LOGIN, no_invitation),
    Row("access:invitation_withdraw", "POST", 404, LOGIN, no_invitation),
    Row("access:invitation_again", "POST", 404, LOGIN, no_invitation),
    Row(
        "access:invite",
        "POST",
        403,
        LOGIN | OTHER | {"reviewer": 404, "administrator": 422},
        of_request,
    ),
    Row(
        "access:uninvite",
        "POST",
        403,
        LOGIN | OTHER | {"reviewer": 404, "administrator": 302},
        of_request,
    ),
    Row("site:lab_slash", "GET", 302, arguments=lab),
    Row("site:collection", "GET", 200, arguments=of_collection),
    Row("site:lab_collections", "GET", 404, LOGIN | {ADMINISTER: 200}, lab),
    Row("site:lab_collection_new", "GET", 404, LOGIN | runs_or_publishes(200), lab),
    Row("site:lab_collection_new", "POST", 404, LOGIN | runs_or_publishes(422), lab),
    Row("site:lab_collection", "GET", 404, LOGIN | runs_or_publishes(200), of_collection),
    Row("site:lab_collection", "POST", 404, LOGIN | runs_or_publishes(422), of_collection),
    Row("site:lab_collection_add", "GET", 404, LOGIN | runs_or_publishes(200), of_collection),
    Row("site:lab_collection_add", "POST", 404, LOGIN | runs_or_publishes(422), of_collection),
    Row("site:lab_collection_delete", "GET", 404, LOGIN | runs_or_publishes(200), of_collection),
    Row(
        "site:lab_collection_delete",
        "POST",
        404,
        LOGIN | {"administrator": 403, PUBLISHERS: 302},
        of_collection,
    ),
    Row("site:lab_collection_remove", "POST", 404, LOGIN | runs_or_publishes(400), of_collection),
    Row(
        "site:lab_collection_move",
        "POST",
        404,
        LOGIN | {"administrator": 403, PUBLISHERS: 302},
        of_collection,
    ),
    Row(
        "access:grant_model_end",
        "POST",
        404,
        LOGIN | {f"licensee {RUN_IT}": 422},
        no_model_of_grant,
    ),
    Row("site:history", "GET", 200, arguments=names),
    Row("site:history_of", "GET", 200, arguments=in_repo(revision="main")),
    Row("site:verify", "GET", 200, arguments=in_repo(revision="main")),
    Row("site:storage", "GET", 404, {"operator": 200}),
    Row("site:inbox", "GET", 200, LOGIN),
    Row("site:letter", "GET", 404, LOGIN | {"applicant": 200}, of_letter),
    Row("site:letter_again", "POST", 404, LOGIN | {f"applicant {TEAM}": 409}, of_letter),
    Row("site:ask_address", "POST", 302, LOGIN),
    Row("site:address_again", "GET", 404, LOGIN, strange_link),
    Row("site:demo_mail", "GET", 404),
    Row("accounts:profile", "GET", 200, LOGIN),
    Row("accounts:keys", "POST", 302, LOGIN),
    Row("accounts:time_zone", "POST", 302, LOGIN),
    Row("accounts:language", "POST", 302, data={"language": "de"}),
    Row("accounts:tokens", "GET", 200, LOGIN),
    Row("accounts:tokens", "POST", 422, LOGIN, data={"name": ""}),
    Row("accounts:token_revoke", "POST", 404, LOGIN | {"applicant": 302}, of_token),
    Row("accounts:affiliations", "GET", 200, LOGIN),
    Row("accounts:affiliations", "POST", 422, LOGIN, data={"name": ""}),
    Row("accounts:affiliations_check", "POST", 302, LOGIN),
    Row("accounts:affiliation_renew", "POST", 404, LOGIN | {"applicant": 302}, of_affiliation),
    Row("accounts:affiliation_prove", "GET", 404, LOGIN, lambda w: {"signed": "made-up"}),
    Row("accounts:reference", "GET", 200, arguments=reference_link),
    Row("accounts:resend", "POST", 404, LOGIN | {"applicant": 409}, of_reference),
    Row("accounts:reference_address", "GET", 404, LOGIN | {"applicant": 200}, of_returned),
    Row("accounts:reference_address", "POST", 404, LOGIN | {"applicant": 422}, of_returned),
    Row("accounts:cancel", "POST", 404, LOGIN | {"applicant": 302}, of_reference),
    Row("access:notifications", "GET", 200, LOGIN),
    Row("access:notifications", "POST", 422, LOGIN, data={"answer": "weekly"}),
    Row("site:access", "GET", 200, LOGIN),
    Row("site:own_downloads", "GET", 200, LOGIN),
    Row("site:model_token", "GET", 200, LOGIN, names),
    Row("site:model_token", "POST", 422, LOGIN, names, data={"name": ""}),
    Row("stylesheet", "GET", 200),
    Row("site:own_requests", "GET", 302),
    Row("site:own_grants", "GET", 302),
    Row("access:start", "GET", 200, LOGIN | {"applicant": 302}, names),
    Row("access:start", "POST", 302, LOGIN, names),
    Row("access:request", "GET", 404, LOGIN | {"applicant": 200}, of_request),
    Row(
        "access:form",
        "GET",
        404,
        LOGIN | {"applicant": 302},
        lambda w: of_request(w) | {"step": "you"},
    ),
    Row("access:autosave", "POST", 404, LOGIN, of_request),
    Row("access:answer", "POST", 404, LOGIN | {"applicant": 422}, of_request),
    Row("access:correct", "GET", 404, LOGIN | {"applicant": 200}, of_request),
    Row("access:correct", "POST", 404, LOGIN | {"applicant": 422}, of_request),
    Row("access:appeal", "POST", 404, LOGIN | {"applicant": 422}, of_request),
    Row("access:withdraw", "POST", 404, LOGIN | {"applicant": 302}, of_request),
    Row("access:discard", "POST", 404, LOGIN | {"applicant": 409}, of_request),
    Row("access:queue", "GET", 403, LOGIN | {f"{TEAM} other_reviewer": 200}),
    Row("access:case", "GET", 403, LOGIN | OTHER | {TEAM: 200}, of_request),
    Row("access:approve", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:ask", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:decline", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:revoke", "POST", 403, LOGIN | OTHER | {TEAM: 404}, of_request),
    Row("access:claim", "POST", 403, LOGIN | OTHER | {TEAM: 302}, of_request),
    Row("access:release", "POST", 403, LOGIN | OTHER | {TEAM: 302}, of_request),
    Row(
        "access:assign",
        "POST",
        403,
        LOGIN | OTHER | {"reviewer": 404, "administrator": 422},
        of_request,
    ),
    Row("access:note", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:declare", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:vouch", "POST", 403, LOGIN | OTHER | {TEAM: 422}, of_request),
    Row("access:undo", "POST", 403, LOGIN | OTHER | {TEAM: 409}, of_request),
    Row(
        "access:reopen",
        "POST",
        403,
        LOGIN | OTHER | {"reviewer": 404, "administrator": 409},
        of_request,
    ),
    Row("access:bulk", "GET", 403, LOGIN | {f"{TEAM} other_reviewer": 200}),
    Row("access:bulk_undo", "POST", 403, LOGIN | {f"{TEAM} other_reviewer": 302}),
    Row(
        "access:letters",
        "GET",
        403,
        LOGIN | {"administrator publisher operator": 200},
        names,
    ),
    Row(
        "access:letter_words",
        "GET",
        403,
        LOGIN | {"administrator publisher operator": 200},
        in_repo(kind="decline"),
    ),
    Row("access:dispose", "GET", 404, LOGIN | {TEAM: 200}, of_request),
    Row("access:dispose", "POST", 404, LOGIN | {TEAM: 422}, of_request),
    Row("access:gate", "GET", 403, LOGIN | {ADMINISTER: 200}, names),
    Row("access:gate", "POST", 403, LOGIN | {ADMINISTER: 422}, names),
    Row("access:gate_seat", "POST", 403, LOGIN | {ADMINISTER: 422}, names),
    Row("access:gate_unseat", "POST", 403, LOGIN | {ADMINISTER: 302}, in_repo(user_id=0)),
    Row("access:gate_chair", "POST", 403, LOGIN | {ADMINISTER: 302}, names),
    Row("access:request_form", "GET", 403, LOGIN | {ADMINISTER: 200}, names),
    Row("access:question", "GET", 403, LOGIN | {ADMINISTER: 200}, in_repo(question="new")),
    Row("access:question", "POST", 403, LOGIN | {ADMINISTER: 422}, in_repo(question="new")),
    Row("access:form_copy", "POST", 403, LOGIN | {ADMINISTER: 302}, names),
    Row("access:question_arrange", "POST", 403, LOGIN | {ADMINISTER: 404}, in_repo(question="new")),
    Row("access:screening", "GET", 403, LOGIN | {"operator": 200}),
    Row("access:screening", "POST", 403, LOGIN | {"operator": 422}),
    Row("access:screening_import", "GET", 403, LOGIN | {"operator": 200}),
    Row("access:screening_import", "POST", 403, LOGIN | {"operator": 422}),
    Row("access:screening_remove", "POST", 403, LOGIN | {"operator": 302}, no_entry),
    Row("access:sign", "GET", 200, LOGIN, signing_repo),
    Row("access:grant", "GET", 404, LOGIN | {f"licensee {RUN_IT}": 200}, of_grant),
    Row("access:offer", "GET", 404, LOGIN | {"licensee": 302}, of_grant),
    Row("access:offer_decline", "POST", 404, LOGIN | {"licensee": 409}, of_grant),
    Row("access:renew", "GET", 404, LOGIN | {"licensee": 200}, of_grant),
    Row("access:newer", "GET", 404, LOGIN | {"licensee": 409}, of_grant),
    Row("access:close", "GET", 404, LOGIN | {"licensee": 200}, of_grant),
    Row("access:members", "GET", 404, LOGIN | {f"licensee {RUN_IT}": 200}, of_grant),
    Row(
        "access:grant_quotas",
        "GET",
        404,
        LOGIN | {"licensee": 403, RUN_IT: 200},
        of_grant,
    ),
    Row(
        "access:grant_quotas",
        "POST",
        404,
        LOGIN | {"licensee": 403, RUN_IT: 422},
        of_grant,
    ),
    Row(
        "access:grant_revoke",
        "POST",
        404,
        LOGIN | {"licensee reviewer": 403, ADMINISTER: 422},
        of_grant,
    ),
    Row(
        "access:proposal_back",
        "POST",
        404,
        LOGIN | {"licensee reviewer": 403, ADMINISTER: 302},
        of_grant,
    ),
    Row(
        "access:notice_back",
        "POST",
        404,
        LOGIN | {"licensee reviewer": 403, ADMINISTER: 302},
        of_grant,
    ),
    Row("access:granted", "GET", 403, LOGIN | {RUN_IT: 200}, names),
    Row("access:notice", "GET", 403, LOGIN | {ADMINISTER: 200}, names),
    Row("access:join", "GET", 404, LOGIN, lambda w: {"membership_id": 0}),
    Row("access:member_end", "POST", 404, LOGIN, lambda w: {"membership_id": 0}),
    Row(
        "access:second_offer",
        "POST",
        403,
        LOGIN | {"reviewer administrator publisher operator": 404},
        names,
    ),
    Row("access:checks", "GET", 200, LOGIN),
    Row("access:check", "GET", 404, LOGIN, lambda w: {"screening_id": 0}),
    Row("access:check", "POST", 404, LOGIN, lambda w: {"screening_id": 0}),
    Row("access:member_clear", "POST", 404, LOGIN, lambda w: {"membership_id": 0}),
    Row("access:renewal", "GET", 404, LOGIN, lambda w: {"renewal_id": 0}),
    Row("access:holds", "GET", 403, LOGIN | {ADMINISTER: 200}),
    Row("access:hold_place", "GET", 403, LOGIN | {ADMINISTER: 200}),
    Row("access:hold", "GET", 404, LOGIN, lambda w: {"hold_id": 0}),
    Row("access:hold_lift", "POST", 404, LOGIN, lambda w: {"hold_id": 0}),
    Row("access:signatures", "GET", 200, LOGIN),
    Row(
        "access:certificate",
        "GET",
        404,
        LOGIN | {"applicant reviewer administrator": 200},
        of_signature,
    ),
    Row("access:signing_certificate", "GET", 200),
    Row("jobs:playground", "GET", 200),
    Row("jobs:jobs", "GET", 200, LOGIN),
    Row("jobs:job", "GET", 404, LOGIN, no_job),
    Row("jobs:stop", "POST", 404, LOGIN, no_job),
    Row("jobs:job_cancel", "POST", 404, LOGIN, no_job),
    Row("jobs:job_again", "POST", 404, LOGIN, no_job),
    Row("jobs:job_captures", "GET", 404, LOGIN, no_job),
    Row("jobs:own_batches", "GET", 200, LOGIN),
    Row("jobs:own_batch", "GET", 404, LOGIN, no_batch),
    Row("jobs:own_batch_cancel", "POST", 404, LOGIN, no_batch),
    Row("jobs:own_batch_file", "GET", 404, LOGIN, lambda w: {**no_batch(w), "kind": "output"}),
    Row("jobs:disclosures", "GET", 403, LOGIN | {"operator": 200}),
    Row("jobs:disclosures", "POST", 403, LOGIN | {"operator": 422}),
    Row("jobs:serving", "GET", 403, LOGIN | {"operator": 200}),
    Row("jobs:tariffs", "GET", 403, LOGIN | {"operator": 200}),
    Row("jobs:tariffs", "POST", 403, LOGIN | {"operator": 422}),
    Row("jobs:disclosure", "GET", 403, LOGIN | {"operator": 404}, lambda w: {"disclosure_id": 0}),
    Row(
        "jobs:disclosure_confirm",
        "POST",
        403,
        LOGIN | {"operator": 404},
        lambda w: {"disclosure_id": 0},
    ),
    Row("account_login", "GET", 302, {"anonymous": 200}),
    Row("account_signup", "GET", 302, {"anonymous": 200}),
    Row("account_logout", "GET", 200, {"anonymous": 302}),
    Row("account_email", "GET", 200, LOGIN),
    Row("account_change_password", "GET", 200, LOGIN),
    Row("account_reset_password", "GET", 200),
]
TOKEN_SURFACES = [
    Row("hub:whoami", "GET", 200, {"anonymous": 401}),
    Row("hub:models", "GET", 200),
    Row("hub:model", "GET", 200, arguments=names),
    Row("hub:revision", "GET", 200, arguments=in_repo(revision="main")),
    Row("hub:tree", "GET", 200, arguments=in_repo(rest="main")),
    Row("hub:paths", "POST", 200, arguments=in_repo(revision="main"), data={"paths": "README.md"}),
    Row("hub:refs", "GET", 200, arguments=names),
    Row("hub:commits", "GET", 200, arguments=in_repo(revision="main")),
    Row("hub:auth-check", "GET", 403, {"anonymous": 401, INSIDERS: 200}, names),
    Row("hub:resolve", "HEAD", 403, {"anonymous": 401, INSIDERS: 200}, WEIGHTS),
    Row("hub:resolve", "GET", 403, {"anonymous": 401, INSIDERS: 302}, WEIGHTS),
    Row("hub:resolve", "HEAD", 200, arguments=CARD),
    Row("hub:raw", "HEAD", 403, {"anonymous": 401, INSIDERS: 302}, WEIGHTS),
    Row("hub:raw", "GET", 200, arguments=CARD),
    Row("hub:picture", "GET", 403, {"anonymous": 401, INSIDERS: 404}, WEIGHTS),
    Row("hub:write-check", "GET", 403, {"anonymous": 401, "publisher operator": 200}, names),
    Row("hub:requests", "GET", 403, {"anonymous": 401, ADMINISTER: 200}, in_repo(status="pending")),
    Row("hub:handle", "POST", 403, {"anonymous": 401, ADMINISTER: 400}, names),
    Row("hub:grant", "POST", 403, {"anonymous": 401, ADMINISTER: 400}, names),
    Row("hub:not-offered", "POST", 501, arguments=names),
    Row("hub:absent", "GET", 501),
    Row("hub:registry", "GET", 501),
    Row("hub:manifests", "GET", 501, arguments=lambda w: {"rest": "a/b/manifests/latest"}),
    Row("hub:discussions", "POST", 501, arguments=names),
    Row("hub:discussion", "GET", 404, arguments=in_repo(rest="1")),
    Row("hub:duplicate", "POST", 403, ANONYMOUS | PUBLISH, names),
    Row("hub:own-repos", "GET", 200, {"anonymous": 401}),
    Row("hub:own-repos-by", "GET", 200, {"anonymous": 401}, lambda w: {"namespace": "nobody"}),
    Row("hub:git", "POST", 501, arguments=in_repo(rest="git-receive-pack")),
    Row("hub:git-refs", "GET", 501, arguments=names),
    Row("hub:create", "POST", 403, ANONYMOUS | {"publisher operator": 400}),
    Row("hub:delete", "DELETE", 400),
    Row("hub:move", "POST", 400),
    Row("hub:validate-yaml", "POST", 400, ANONYMOUS),
    Row("hub:settings", "PUT", 403, ANONYMOUS | PUBLISH, names),
    Row("hub:preupload", "POST", 403, ANONYMOUS | PUBLISH, in_repo(revision="main")),
    Row("hub:commit", "POST", 403, ANONYMOUS | PUBLISH, in_repo(revision="main")),
    Row("hub:branch", "POST", 403, ANONYMOUS | PUBLISH, in_repo(branch="next")),
    Row("hub:branch", "DELETE", 403, ANONYMOUS | {PUBLISHERS: 404}, in_repo(branch="none")),
    Row("hub:tag", "POST", 403, ANONYMOUS | PUBLISH, in_repo(rest="main")),
    Row("hub:tag", "DELETE", 403, ANONYMOUS | {PUBLISHERS: 404}, in_repo(rest="none")),
    Row("hub:squash", "POST", 403, ANONYMOUS | PUBLISH, in_repo(branch="main")),
    Row("hub:lfs-files", "GET", 403, ANONYMOUS | {PUBLISHERS: 200}, names),
    Row("hub:lfs-batch", "POST", 403, ANONYMOUS | PUBLISH, names),
    Row("hub:upload", "PUT", 403, arguments=strange_link),
    Row("hub:complete", "POST", 403, arguments=strange_link),
    Row("hub:verify", "POST", 403, arguments=strange_link),
    Row("delivery:probe", "GET", 404),
    Row("delivery:link", "GET", 200, arguments=weights_link),
    Row("jobs:models", "GET", 200, {"anonymous": 401}),
    Row("jobs:batches", "GET", 200, ANONYMOUS),
    Row("jobs:batches", "POST", 400, ANONYMOUS),
    Row("jobs:batch", "GET", 404, ANONYMOUS, no_batch),
    Row("jobs:batch_cancel", "POST", 404, ANONYMOUS, no_batch),
    Row("jobs:files", "GET", 200, ANONYMOUS),
    Row("jobs:files", "POST", 400, ANONYMOUS),
    Row("jobs:file", "GET", 404, ANONYMOUS, no_file),
    Row("jobs:file", "DELETE", 404, ANONYMOUS, no_file),
    Row("jobs:file_content", "GET", 404, ANONYMOUS, no_file),
    Row("jobs:captures", "GET", 404, ANONYMOUS, no_completion),
    Row("jobs:capture_link", "GET", 403, {}, altered_link),
    Row("jobs:tokenize", "POST", 400, ANONYMOUS),
    Row("jobs:detokenize", "POST", 400, ANONYMOUS),
    Row("api:schema", "GET", 200),
    Row("api:docs", "GET", 200),
    Row("api:docs_group", "GET", 200, arguments=lambda w: {"slug": "queue"}),
]
WITHOUT_A_ROW = {
    # allauth's own, reached only through a key in a mail or in the midst of a flow of its own
    "account_inactive",
    "account_reauthenticate",
    "account_email_verification_sent",
    "account_set_password",
    "account_confirm_login_code",
    "account_confirm_email",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_reset_password_done",
    # asynchronous, so tested with a database that commits: tests/portal/jobs
    "jobs:completions",
    "jobs:chat_completions",
    "jobs:events",
    # answers for what isn't there: the same for everybody
    "hub:no-part",
    "hub:no-namespace",
    "hub:no-namespace-file",
    "hub:no-model",
    "hub:no-model-file",
    "hub:nothing",
    "jobs:elsewhere",
    "jobs:model",
}


def of_api(wanted: str) -> Arguments:
    """Return a maker of an API address's arguments; an id that nobody has is 0."""

    def arguments(world: World) -> dict[str, Any]:
        known = {
            **names(world),
            **of_request(world),
            **of_signature(world),
            **licence(world),
            "grant_id": world.grant.pk,
            "letter_id": world.letter.pk,
            "other": "1.0",
            "kind": "decline",
            "username": world.people["reviewer"].username,
            "revision": world.revision.commit,
        }
        return {name: known.get(name, 0) for name in wanted.split()}

    return arguments


API_BY_TOKEN = [
    Row(f"api:{name}", method, most, others, of_api(wanted), {})
    for name, method, wanted, (most, others), _ in API_ROWS
]
API_BY_SESSION = [
    Row(f"api:{name}", method, most, others, of_api(wanted), {})
    for name, method, wanted, _, (most, others) in API_ROWS
]


def answer(client: Client, row: Row, url: str) -> int | str:
    body = {} if row.data is None else {"data": row.data}
    if row.name.startswith("api:") and row.method != "GET":
        body["content_type"] = "application/json"
    response = getattr(client, row.method.lower())(url, **body)
    if response.status_code == 302 and "/accounts/login" in response["Location"]:
        return "login"
    return response.status_code


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside leaves no trace, so that every answer is to the same world."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def answers(row: Row, world: World, client_of: Callable[[str], Client]) -> dict[str, int | str]:
    url, found = url_of(row, world), {}
    for role in ROLES:
        with undone():
            found[role] = answer(client_of(role), row, url)
    return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make the world of the rows, as if a worker ran: these rows aren't about that.

    Nor are they about the navigation, whose counts take a third of an answer's time.
    """
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    monkeypatch.setattr("portal.site.views.checks.CHECKS", ())
    monkeypatch.setattr("portal.site.context.work_of", lambda user: Work())
    monkeypatch.setattr("portal.site.context.navigation", lambda user, work: [])
    return make_world(tmp_path / "in")


def signed_in(world: World) -> Callable[[str], Client]:
    """Sign everybody in once; no answer ends a session, as whatever it does is undone."""
    sessions = {}
    for role, person in world.people.items():
        client = Client()
        client.force_login(person)
        sessions[role] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def client_of(role: str) -> Client:
        client = Client()
        if role in sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = sessions[role]
        return client

    return client_of


def bearing(world: World) -> Callable[[str], Client]:
    def client_of(role: str) -> Client:
        secret = world.secrets.get(role)
        return Client(headers={"Authorization": f"Bearer {secret}"} if secret else {})

    return client_of


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "clients"),
    [
        pytest.param(PAGES, signed_in, id="pages"),
        pytest.param(TOKEN_SURFACES, bearing, id="tokens"),
        pytest.param(API_BY_TOKEN, bearing, id="api-tokens"),
        pytest.param(API_BY_SESSION, signed_in, id="api-sessions"),
    ],
)
def test_each_role_is_answered_as_the_rows_say(
    world: World, rows: list[Row], clients: Callable[[World], Callable[[str], Client]]
) -> None:
    client_of = clients(world)
    answered = {str(row): answers(row, world, client_of) for row in rows}
    assert answered == {str(row): row.expected() for row in rows}


def url_of(row: Row, world: World) -> str:
    arguments = row.arguments(world)
    if row.name == "hub:not-offered":
        return f"/api/models/{world.repo.full_name}/xet-write-token/main"
    return reverse(row.name, kwargs=arguments)


def addresses(patterns: list[Any], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


def test_every_address_has_a_row():
    named = {row.name for row in (*PAGES, *TOKEN_SURFACES, *API_BY_TOKEN)}
    assert set(addresses(get_resolver().url_patterns)) == named | WITHOUT_A_ROW
    assert not named & WITHOUT_A_ROW
