"""A link's signature covers all that it stands for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.delivery.errors import LinkExpired, LinkInvalid
from portal.delivery.links import Link, link_url, sign, verify

SECOND = timedelta(seconds=1)


@pytest.fixture
def link(now):
    return Link(file_id=7, person_id=3, token_id=5, expires_at=now + 10 * SECOND, grant_id=9)


def test_what_was_signed_comes_back(link, now):
    assert verify(sign(link), now=now) == link


def test_it_holds_until_it_expires(link, now):
    signed = sign(link)
    assert verify(signed, now=link.expires_at - SECOND)
    with pytest.raises(LinkExpired):
        verify(signed, now=link.expires_at)


def test_every_changed_character_is_noticed(link, now):
    signed = sign(link)
    for place, character in enumerate(signed):
        altered = signed[:place] + ("A" if character != "A" else "B") + signed[place + 1 :]
        with pytest.raises(LinkInvalid):
            verify(altered, now=now)


def test_parts_of_two_links_make_no_third(link, now):
    content, _ = sign(link).split(":")
    longer = Link(7, 3, 5, link.expires_at + SECOND)
    _, signature = sign(longer).split(":")
    with pytest.raises(LinkInvalid):
        verify(f"{content}:{signature}", now=now)


@pytest.mark.parametrize("nonsense", ["", ":", "a:b", "é:x", "." * 300])
def test_nonsense_is_refused(nonsense, now):
    with pytest.raises(LinkInvalid):
        verify(nonsense, now=now)


def test_a_signature_made_for_something_else_does_not_count(link, now):
    from django.core.signing import Signer

    content = [7, None, 3, 5, 9, int(link.expires_at.timestamp())]
    with pytest.raises(LinkInvalid):
        verify(Signer(salt="elsewhere").sign_object(content), now=now)


def test_keys_rotate(link, now, settings):
    signed = sign(link)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert verify(signed, now=now) == link
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(LinkInvalid):
        verify(signed, now=now)


def test_the_url_is_absolute_and_names_the_file(link, settings):
    url = link_url(link, "a shard.safetensors")
    assert url.startswith(f"{settings.BASE_URL}/-/d/")
    assert url.endswith("/a%20shard.safetensors")
