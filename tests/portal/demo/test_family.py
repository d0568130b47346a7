"""The demo shows the OPT family with the gates of 2022 and no weights."""

from __future__ import annotations

import pytest
from django.utils import timezone

from inference.plan.shapes import OPT_NAMES, named_shape
from portal.catalog.models import Gate, ModelRepo
from portal.demo.family import SIZES, seed_family
from portal.demo.models import LAB, demo_licence
from tests.factories.accounts import make_lab, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_each_size_is_the_papers(size):
    shape = named_shape(size.name)
    assert (size.layers, size.heads, size.width) == (shape.layers, shape.heads, shape.width)
    assert size.parameters == shape.parameters


def test_the_nine_sizes_stand_behind_three_gates(client):
    operator, now = make_user(superuser=True), timezone.now()
    lab = make_lab(LAB).name
    licence = demo_licence(operator, now).licence
    for _ in range(2):
        seed_family(lab=lab, operator=operator, reviewer=make_user(), licence=licence, now=now)
    gates = dict(ModelRepo.objects.values_list("name", "download_gate"))
    assert list(gates) == sorted(OPT_NAMES)
    assert {name for name, gate in gates.items() if gate != Gate.OPEN} == {"opt-66b", "opt-175b"}
    page = client.get(f"/{lab}/opt-175b").content.decode()
    assert "Weights not hosted here" in page
    assert "hf download" not in page
    assert "174,604,468,224" in page


def test_the_family_is_asked_for_once(client):
    operator, now = make_user(superuser=True), timezone.now()
    lab, licence = make_lab(LAB).name, demo_licence(operator, now).licence
    seed_family(lab=lab, operator=operator, reviewer=make_user(), licence=licence, now=now)
    page = client.get(f"/collections/{lab}/opt").content.decode()
    assert all(f"/{lab}/{size.name}" in page for size in SIZES)
