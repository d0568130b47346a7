"""Assets are one stylesheet and few scripts, compressed, and kept for a year by their version."""

from __future__ import annotations

import gzip
import re

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from portal.surfaces.assets.stylesheet import PARTS, stylesheet_address

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
YEAR = "max-age=31536000, public, immutable"


def test_a_page_links_one_stylesheet_and_versions_alone(client, db):
    page = client.get("/").text
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert sheets == [stylesheet_address()]
    scripts = re.findall(r'<script src="([^"]+)"', page)
    assert all(re.search(r"\?v=[0-9a-f]{10}$", address) for address in [*sheets, *scripts])
    assert not any("htmx" in address for address in scripts)


def test_the_stylesheet_has_every_file_that_people_edit(client):
    sheet = client.get(stylesheet_address()).text
    for part in PARTS:
        with open(finders.find(part)) as file:
            assert file.read() in sheet


@pytest.mark.parametrize("name", ["weightgate/weightgate.js", "weightgate/favicon.svg"])
def test_an_asset_is_kept_by_its_version_alone(client, name):
    address = static(name)
    assert client.get(address).headers["Cache-Control"] == YEAR
    plain = client.get(address.partition("?")[0])
    assert plain.headers["Cache-Control"] == "max-age=60, public"


def test_the_stylesheet_is_kept(client):
    assert client.get(stylesheet_address()).headers["Cache-Control"] == YEAR


def test_the_version_is_of_the_bytes(client, settings, tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    settings.STATICFILES_DIRS = [folder]
    settings.DEBUG = True
    finders.get_finder.cache_clear()
    (folder / "made.css").write_text("a {}")
    before = static("made.css")
    (folder / "made.css").write_text("b {}")
    assert static("made.css") != before
    assert static("nothing.css") == "/static/nothing.css"
    finders.get_finder.cache_clear()


class TestCompressed:
    @pytest.mark.parametrize("address", ["/", static("weightgate/weightgate.js")])
    def test_pages_and_assets_are(self, client, db, address):
        answer = client.get(address, headers=GZIP)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["Vary"]
        plain = client.get(address).content
        assert len(answer.content) < len(plain) / 2
        if address != "/":
            assert gzip.decompress(answer.content) == plain

    def test_answers_to_programs_are_not(self, client, db):
        assert "Content-Encoding" not in client.get("/v1/models", headers=GZIP).headers
        assert "Content-Encoding" not in client.get("/transparency.json", headers=GZIP).headers

    def test_what_a_client_cannot_unpack_is_not(self, client, db):
        assert "Content-Encoding" not in client.get("/").headers
