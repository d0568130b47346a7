"""A lab makes its models, sets them, renames and deletes them, on pages and without a developer."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.urls import reverse

from portal.access.models import AccessRequest
from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.services.licences import publish_licence_version
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import make_licence, make_repo, make_reviewer, make_revision
from tests.pages import as_shown
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db
OPEN = {"download_gate": "open", "inference_gate": "open"}


@pytest.fixture
def publisher():
    return make_user("ada")


@pytest.fixture
def lab(publisher):
    return make_lab("lab", publisher=publisher)


@pytest.fixture
def page(client, publisher, lab):
    client.force_login(publisher)
    return client


def form_of(client, url: str) -> dict[str, str]:
    """Return what a browser would send of a form as it is drawn."""
    context = client.get(url).context
    form = context["form"]
    sent = {"over": context["over"], **{name: form[name].value() for name in form.fields}}
    return {name: "on" if value is True else value for name, value in sent.items() if value}


def errors_of(response) -> dict:
    assert response.status_code == 422
    return response.context["form"].errors


class TestTheList:
    def test_it_shows_gates_what_waits_and_what_is_missing(self, page, lab, tmp_path):
        ready = make_repo("ready", namespace=lab)
        make_revision(ready, tmp_path / "in")
        make_request(ready)
        make_repo("bare", namespace=lab, gate="open", private=True)
        shown = as_shown(page.get("/labs/lab/models").text)
        assert "By request" in shown
        assert "Bring its files" in shown
        assert 'href="/lab/ready/settings"' in shown
        assert "Its team" in shown

    def test_many_models_cost_what_few_cost(self, page, lab, django_assert_num_queries):
        for number in range(5):
            make_repo(f"m-{number}", namespace=lab)
        with django_assert_num_queries(12):
            page.get("/labs/lab/models")

    def test_an_empty_one_leads_on(self, page):
        assert "Make the first model" in page.get("/labs/lab/models").text

    def test_an_administrator_sees_their_models_and_makes_none(self, client, lab):
        repo = make_repo("opt", namespace=lab)
        make_repo("other", namespace=lab)
        client.force_login(make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR))
        shown = client.get("/labs/lab/models").text
        assert "/gates/lab/opt" in shown
        assert "other" not in shown
        assert "New model" not in shown
        assert client.get("/labs/lab/models/new").status_code == 403
        assert client.get("/lab/opt/settings").status_code == 403
        assert "/lab/opt/settings" not in client.get("/lab/opt").text


class TestANewModel:
    def test_it_is_made_and_its_files_are_three_commands_away(self, page, settings):
        settings.BASE_URL = "https://models.example.org"
        sent = {"name": "opt", "summary": "A small OPT.", "seen": "private", **OPEN}
        made = page.post("/labs/lab/models/new", sent, follow=True)
        assert made.redirect_chain == [("/lab/opt/settings/files", 302)]
        for command in (
            "pip install -U huggingface_hub",
            "export HF_ENDPOINT=https://models.example.org",
            "hf auth login",
            "hf upload lab/opt ./FOLDER .",
        ):
            assert command in made.text
        assert ModelRepo.objects.get().revisions.count() == 1

    def test_a_gate_needs_a_licence_and_gets_somebody_who_decides(self, page, publisher):
        make_licence()
        gated = {"name": "opt", "seen": "public", **OPEN, "download_gate": "review"}
        assert set(errors_of(page.post("/labs/lab/models/new", gated))) == {"licence"}
        page.post("/labs/lab/models/new", gated | {"licence": "noncommercial"})
        assert ModelRepo.objects.get().team.get().user == publisher

    def test_a_taken_or_odd_name_is_refused_beside_it(self, page, lab):
        make_repo("opt", namespace=lab)
        for name in ("opt", "o--t", ""):
            refused = page.post("/labs/lab/models/new", {"name": name, "seen": "public", **OPEN})
            assert set(errors_of(refused)) == {"name"}


CHANGES = [
    ("summary", "Another one.", "Another one."),
    ("why_gated", "So that we know who studies it.", "So that we know who studies it."),
    ("family", "OPT", "OPT"),
    ("parameters", 125_000_000, 125_000_000),
    ("context_length", 2048, 2048),
    ("licence", "other", "other"),
    ("download_gate", "licence", "licence"),
    ("inference_gate", "open", "open"),
    ("hosted", True, "on"),
    ("pickles_allowed", True, "on"),
    ("private", True, "private"),
]


class TestEachSetting:
    """No page, command or API set these: now all three do."""

    @pytest.fixture
    def repo(self, lab, publisher):
        publish_licence_version(
            actor=publisher,
            slug="other",
            namespace=lab.name,
            version="1",
            text="You may.",
            attribution="Under it.",
            now=LONG_AGO,
        )
        return make_repo("opt", namespace=lab)

    def value(self, repo, name):
        repo.refresh_from_db()
        return repo.licence.slug if name == "licence" else getattr(repo, name)

    @pytest.mark.parametrize(("name", "value", "typed"), CHANGES)
    def test_by_page(self, page, repo, name, value, typed):
        sent = form_of(page, "/lab/opt/settings")
        saved = page.post(
            "/lab/opt/settings", sent | {"seen" if name == "private" else name: typed}, follow=True
        )
        assert saved.redirect_chain == [("/lab/opt/settings", 302)]
        assert self.value(repo, name) == value

    @pytest.mark.parametrize(("name", "value", "typed"), CHANGES)
    def test_by_token(self, repo, publisher, name, value, typed):
        api = by_token(publisher, Scope.PUBLISH)
        assert api.patch("models/lab/opt/settings", **{name: value}).json()[name] == value
        assert self.value(repo, name) == value

    @pytest.mark.parametrize(("name", "value", "typed"), CHANGES)
    def test_by_command(self, repo, publisher, name, value, typed):
        told = "yes" if value is True else str(value)
        option = f"--{name.replace('_', '-')}={told}"
        call_command("model", "set", "lab/opt", "--as=ada", option, stdout=io.StringIO())
        assert self.value(repo, name) == value


class TestTheSettingsPage:
    @pytest.fixture
    def repo(self, lab):
        return make_repo("opt", namespace=lab)

    def test_it_says_what_changed_and_records_it(self, page, repo):
        sent = form_of(page, "/lab/opt/settings") | {"family": "OPT", "download_gate": "licence"}
        shown = as_shown(page.post("/lab/opt/settings", sent, follow=True).text)
        assert "Saved: family, gate of downloads." in shown
        event = AuditEvent.objects.filter(type="repo.configured").get()
        assert set(event.data["changed"]) == {"family", "download_gate"}
        again = page.post("/lab/opt/settings", form_of(page, "/lab/opt/settings"), follow=True)
        assert "Nothing differs from before." in again.text

    @pytest.mark.parametrize("days", ["-1", "many"])
    def test_days_of_prompts_that_are_no_number_of_days_are_refused(self, page, repo, days):
        sent = form_of(page, "/lab/opt/settings") | {"prompt_days": days}
        errors = errors_of(page.post("/lab/opt/settings", sent))
        words = "Days to keep prompts and outputs: give a whole number from 0, or leave it empty."
        assert errors == {"prompt_days": [words]}

    def test_it_says_who_is_met_by_a_change_of_the_gate(self, page, repo):
        make_grant(repo)
        make_request(repo)
        shown = as_shown(page.get("/lab/opt/settings").text)
        assert "1 grant and 1 waiting request today" in shown
        assert AccessRequest.objects.undecided().count() == 1

    def test_what_somebody_else_changed_meanwhile_is_not_set_back_in_silence(self, page, repo):
        stale = form_of(page, "/lab/opt/settings")
        page.post("/lab/opt/settings", stale | {"family": "OPT"})
        refused = page.post("/lab/opt/settings", stale | {"summary": "Mine."})
        assert "Somebody changed these settings" in errors_of(refused)["__all__"][0]
        repo.refresh_from_db()
        assert (repo.family, repo.summary) == ("OPT", "")
        again = stale | {"summary": "Mine.", "over": refused.context["over"]}
        assert page.post("/lab/opt/settings", again).status_code == 302

    def test_errors_stand_beside_their_fields(self, page, repo):
        sent = form_of(page, "/lab/opt/settings")
        odd = {"licence": "", "parameters": "many", "summary": "See https://x.example"}
        refused = page.post("/lab/opt/settings", sent | odd)
        assert set(errors_of(refused)) == {"parameters", "summary"}
        assert set(errors_of(page.post("/lab/opt/settings", sent | {"licence": ""}))) == {"licence"}

    def test_the_models_page_and_the_lab_lead_to_it(self, page, repo):
        assert 'href="/lab/opt/settings"' in page.get("/lab/opt").text

    def test_what_is_hosted_keeps_its_name_and_the_page_offers_no_other(self, page, lab):
        make_repo("served", namespace=lab, hosted=True)
        assert "/lab/served/settings/rename" not in page.get("/lab/served/settings").text
        for act in ("rename", "delete"):
            assert '<button class="btn' not in page.get(f"/lab/served/settings/{act}").text
        sent = {"namespace": "lab", "new_name": "else"}
        assert page.post("/lab/served/settings/rename", sent).status_code == 409
        sent = {"confirm": "lab/served"}
        assert page.post("/lab/served/settings/delete", sent).status_code == 409


class TestRenamingAndDeleting:
    @pytest.fixture
    def repo(self, lab):
        return make_repo("opt", namespace=lab)

    def test_the_old_name_leads_on_and_the_page_says_so_first(self, page, repo, publisher):
        make_lab("other", publisher=publisher)
        make_grant(repo)
        shown = as_shown(page.get("/lab/opt/settings/rename").text)
        assert "lab/opt leads to the new name" in shown
        assert "1 grant or offer: stay" in shown
        sent = {"namespace": "other", "new_name": "opt-2"}
        moved = page.post("/lab/opt/settings/rename", sent, follow=True)
        assert moved.redirect_chain == [("/other/opt-2/settings", 302)]
        assert page.get("/lab/opt", follow=True).redirect_chain[-1][0].endswith("/other/opt-2")

    def test_a_former_name_is_given_up_on_the_same_page(self, page, lab, repo):
        page.post("/lab/opt/settings/rename", {"namespace": "lab", "new_name": "opt-2"})
        shown = page.get("/lab/opt-2/settings/rename")
        assert "Names that lead here" in shown.text
        former = shown.context["former_names"].get()
        url = reverse("site:model_name_give_up", args=["lab", "opt-2", former.pk])
        assert "lab/opt is free" in as_shown(page.post(url, follow=True).text)
        assert page.get("/lab/opt").status_code == 404
        assert AuditEvent.objects.filter(type="repo.name_given_up").exists()

    def test_a_taken_name_and_a_strange_lab_are_refused_beside_them(self, page, lab, repo):
        make_lab("strangers")
        make_repo("taken", namespace=lab)
        for sent, field in (
            ({"namespace": "lab", "new_name": "taken"}, "new_name"),
            ({"namespace": "lab", "new_name": "opt"}, "new_name"),
            ({"namespace": "lab", "new_name": "o--t"}, "new_name"),
            ({"namespace": "strangers", "new_name": "opt"}, "namespace"),
        ):
            assert set(errors_of(page.post("/lab/opt/settings/rename", sent))) == {field}

    def test_deleting_lists_what_it_affects_and_takes_the_typed_name(self, page, repo):
        make_grant(repo)
        make_request(repo)
        url = reverse("site:model_delete", args=["lab", "opt"])
        shown = as_shown(page.get(url).text)
        assert "1 grant: access ends at once" in shown
        assert "1 request waiting" in shown
        assert set(errors_of(page.post(url, {"confirm": "opt"}))) == {"confirm"}
        assert page.post(url, {"confirm": "lab/opt"}).url == "/labs/lab/models"
        assert not ModelRepo.objects.named("lab/opt").exists()
        assert AuditEvent.objects.filter(type="repo.deleted").exists()
