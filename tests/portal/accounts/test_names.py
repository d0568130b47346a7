"""People and labs share one space of names, and no name shadows a page."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.urls import get_resolver

from portal.accounts.models import Namespace
from portal.accounts.names import reserved_words, validate_name, validate_namespace
from portal.errors import FieldErrors
from tests.factories.accounts import make_lab, make_user


@pytest.mark.parametrize("name", ["a", "example-lab", "opt-6.7b", "A_b"])
def test_the_hubs_names_are_ours(name):
    validate_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a--b", "a..b", "a.git", "a/b", "a b", "é", "a" * 97])
def test_other_names_are_refused(name):
    with pytest.raises(ValidationError):
        validate_name(name)


def test_every_first_segment_of_an_address_is_reserved():
    literal = {
        str(pattern.pattern).partition("/")[0]
        for pattern in get_resolver().url_patterns
        if "/" in str(pattern.pattern)
    }
    assert {word for word in literal if word and not word.startswith("<")} <= reserved_words()


@pytest.mark.parametrize("word", ["accounts", "requests", "queue", "api", "v1", "API", "static"])
def test_a_page_of_ours_is_no_namespace(word):
    with pytest.raises(ValidationError, match="page of this site"):
        validate_namespace(word)


@pytest.mark.django_db
def test_no_lab_passes_for_the_operators():
    with pytest.raises(FieldErrors, match="No lab is called “Admin”"):
        make_lab("Admin")
    assert make_user("admin").username == "admin"


@pytest.mark.django_db
def test_a_person_gets_the_namespace_of_their_name():
    person = make_user("rosalind")
    assert Namespace.objects.get(person=person).name == "rosalind"


@pytest.mark.django_db
def test_case_makes_no_second_name():
    make_user("rosalind")
    with pytest.raises(FieldErrors, match="is taken"):
        make_lab("Rosalind")


@pytest.mark.django_db
def test_a_username_alone_gives_no_right_to_publish():
    person = make_user()
    assert not Namespace.objects.publishable_by(person).exists()
