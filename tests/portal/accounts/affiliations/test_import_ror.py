"""The registry's dump becomes organizations and the domains that prove them."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.affiliations import is_affiliated
from portal.accounts.models import Organization, OrganizationDomain
from portal.accounts.organizations.register import import_organizations, load_seed
from portal.accounts.organizations.ror import UnreadableDump, read_dump
from tests.factories.accounts import make_user
from tests.factories.affiliations import make_member, make_organization
from tests.factories.ror import entry, write_dump, zip_dump

pytestmark = pytest.mark.django_db
FIRST, SECOND, THIRD = "019wvm592", "042nb2s44", "05a28rw58"


@pytest.fixture
def load(tmp_path, now):
    def load(*entries, **options):
        records = read_dump(write_dump(tmp_path, *entries))
        return import_organizations(records=records, now=now, **options)

    return load


def domains() -> dict[str, str]:
    return dict(OrganizationDomain.objects.values_list("domain", "organization__ror_id"))


def test_an_organization_comes_with_its_facts(load):
    done = load(entry(FIRST, "University of Tests", "Uni.EDU", site="https://www.tests.edu/"))
    organization = Organization.objects.get()
    assert (organization.name, organization.country, organization.sector) == (
        "University of Tests",
        "AU",
        "academia",
    )
    assert organization.ror_url == "https://ror.org/019wvm592"
    assert domains() == {"uni.edu": FIRST, "tests.edu": FIRST}
    assert (done.new, done.changed, done.domains_new) == (1, 0, 2)


@pytest.mark.parametrize(
    ("types", "sector"),
    [
        (["funder", "government"], "government"),
        (["nonprofit"], "civil_society"),
        (["company"], "industry_lab"),
        (["facility"], ""),
    ],
)
def test_its_types_name_the_sector(load, types, sector):
    load(entry(FIRST, "It", types=types))
    assert Organization.objects.get().sector == sector


def test_the_same_dump_again_changes_nothing(load):
    active = entry(FIRST, "University of Tests", "uni.edu")
    load(active)
    done = load(active)
    assert (done.new, done.changed, done.domains_new, done.domains_gone) == (0, 0, 0, 0)


def test_a_newer_dump_corrects_and_moves_domains(load):
    load(entry(FIRST, "Old Name", "uni.edu", "old.edu"), entry(SECOND, "Other"))
    done = load(entry(FIRST, "New Name", "new.edu"), entry(SECOND, "Other", "uni.edu"))
    assert Organization.objects.get(ror_id=FIRST).name == "New Name"
    assert domains() == {"new.edu": FIRST, "uni.edu": SECOND}
    assert (done.new, done.changed, done.domains_new, done.domains_gone) == (0, 1, 2, 2)


def test_what_proves_nothing_is_dropped_and_counted(load):
    candidates = [
        "ac.uk",
        "github.io",
        "host.unknownsuffix",
        "gmail.com",
        "not a domain",
        "uni.edu",
    ]
    done = load(entry(FIRST, "It", *candidates))
    assert domains() == {"uni.edu": FIRST}
    assert +done.dropped == {"public or unknown suffix": 3, "free mail": 1, "malformed": 1}


def test_a_domain_that_two_claim_proves_neither(load):
    done = load(entry(FIRST, "One", "uni.edu"), entry(SECOND, "Two", "uni.edu"))
    assert domains() == {}
    assert +done.dropped == {"claimed by several": 1}


def test_what_the_registry_lists_goes_before_a_site(load):
    load(entry(FIRST, "One", "uni.edu"), entry(SECOND, "Two", site="http://uni.edu"))
    assert domains() == {"uni.edu": FIRST}


@pytest.mark.parametrize(
    "site", ["https://www.facebook.com/it", "https://uni.edu/institute", "http://[broken", "x"]
)
def test_a_site_below_a_path_shares_its_host(load, site):
    load(entry(FIRST, "It", site=site))
    assert domains() == {}


def test_an_organization_that_ended_keeps_its_row_and_loses_its_domains(load, now):
    load(entry(FIRST, "It", "uni.edu"))
    person, _ = make_member("uni.edu", now=now)
    ended = entry(FIRST, "It", "uni.edu", status="withdrawn")
    done = load(ended, entry(SECOND, "Never here", "never.edu", status="inactive"))
    assert (done.inactive, done.domains_gone) == (2, 1)
    assert domains() == {}
    assert is_affiliated(person, now)
    assert not Organization.objects.filter(ror_id=SECOND).exists()


def test_what_the_dump_leaves_out_is_left_alone(load):
    own = make_organization("uni.edu", name="Set up by hand")
    load(entry(FIRST, "It", "it.edu"))
    done = load(entry(SECOND, "Claims it", "uni.edu"))
    assert domains() == {"uni.edu": None, "it.edu": FIRST}
    assert own.domains.count() == 1
    assert +done.dropped == {"held by an organization of our own": 1}


def test_a_dry_run_says_what_would_be_and_keeps_nothing(load):
    done = load(entry(FIRST, "It", "uni.edu"), dry_run=True)
    assert (done.new, done.domains_new) == (1, 1)
    assert not Organization.objects.exists()


@pytest.mark.parametrize("others", [(), ("v1.63-ror-data.json",)])
def test_the_zip_is_read_as_released(tmp_path, others):
    path = zip_dump(write_dump(tmp_path, entry(FIRST, "It", "uni.edu")), *others)
    assert [record.ror_id for record in read_dump(path)] == [FIRST]


@pytest.mark.parametrize(
    "text", ["", "[", "nonsense", '[{"id": "x"}]', "[1]", '[{"id": "https://ror.org/019wvm592"}]']
)
def test_another_file_is_refused_in_words(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadableDump):
        list(read_dump(path))


def run(*arguments) -> str:
    out = StringIO()
    call_command("import_ror", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_counts(tmp_path):
    path = str(write_dump(tmp_path, entry(FIRST, "It", "uni.edu", "ac.uk")))
    said = run(path, "--dry-run")
    assert "Nothing is kept" in said
    assert not Organization.objects.exists()
    said = run(path)
    assert "1 new" in said
    assert "Dropped: 1 (public or unknown suffix)." in said
    assert Organization.objects.count() == 1


@pytest.mark.parametrize("arguments", [(), ("nowhere.json",), ("x.json", "--seed")])
def test_the_command_refuses_in_words(arguments):
    with pytest.raises(CommandError):
        run(*arguments)


def test_the_seed_is_invented_and_loads_twice(now):
    count = load_seed(now=now)
    assert load_seed(now=now) == count == Organization.objects.count()
    assert all(
        name.startswith("Example ") for name in Organization.objects.values_list("name", flat=True)
    )
    assert set(Organization.objects.values_list("sector", flat=True)) == {
        "academia", "government", "civil_society", "industry_lab",
    }  # fmt: skip
    assert f"{count} organizations" in run("--seed")
    assert is_affiliated(make_user(), now)
