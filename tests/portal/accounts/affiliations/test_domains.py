"""An address is evidence for domains up to the registered one, and never beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.organizations.domains import (
    FREE_MAIL,
    evidence_domains,
    normal_domain,
    refused_as_evidence,
    registrable_domain,
)

LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
SUFFIX = st.sampled_from(["edu", "ac.uk", "nl", "co.jp", "github.io", "com.br", "example"])


@pytest.mark.parametrize(
    ("address", "domains"),
    [
        ("a@uni.edu", ["uni.edu"]),
        ("A@CS.Uni.EDU", ["cs.uni.edu", "uni.edu"]),
        ("a@maths.ox.ac.uk", ["maths.ox.ac.uk", "ox.ac.uk"]),
        ("a@ac.uk", []),
        ("a@github.io", []),
        ("a@lab.github.io", ["lab.github.io"]),
        ("a@city.kawasaki.jp", ["city.kawasaki.jp"]),
        ("a@lab.university.example", ["lab.university.example", "university.example"]),
        ("a@example", []),
        ("a@host.unknownsuffix", []),
        ("a@gmail.com", []),
        ("a@mail.yahoo.co.uk", []),
        ("a@bücher.de", ["xn--bcher-kva.de"]),
        ("a@[192.0.2.1]", []),
        ("a@", []),
        ("nobody", []),
    ],
)
def test_the_domains_of_an_address(address, domains):
    assert evidence_domains(address) == domains


@given(st.lists(LABEL, max_size=4), SUFFIX)
def test_never_past_the_registrable_domain(labels, suffix):
    domain = ".".join([*labels, suffix])
    registrable = registrable_domain(domain)
    domains = evidence_domains(f"somebody@{domain}")
    assert (registrable is None) == (not labels)
    if domains:
        assert domains[0] == domain
        assert domains[-1] == registrable
    assert all(
        domain_found == registrable or domain_found.endswith(f".{registrable}")
        for domain_found in domains
    )
    assert all(refused_as_evidence(domain_found) == "" for domain_found in domains)


@given(st.text(max_size=40))
def test_nothing_typed_breaks_it(text):
    assert isinstance(evidence_domains(f"a@{text}"), list)
    refused_as_evidence(text)
    domain = normal_domain(text)
    assert domain is None or domain.isascii()


@given(st.sampled_from(sorted(FREE_MAIL)), st.lists(LABEL, max_size=2))
def test_free_mail_is_never_evidence(free, labels):
    domain = ".".join([*labels, free])
    assert evidence_domains(f"a@{domain}") == []
    assert refused_as_evidence(domain) == "free mail"


@pytest.mark.parametrize("suffix", ["ac.uk", "github.io", "com", "host.unknownsuffix", "localhost"])
def test_a_suffix_is_never_evidence(suffix):
    assert refused_as_evidence(suffix) == "public or unknown suffix"
