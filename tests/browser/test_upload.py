"""A publisher drops a folder on a page, watches it arrive, and finds it published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.live import Live

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]


def test_a_chosen_folder_is_brought_and_published(live: Live, new_page, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# A model\n\nIts card.\n")
    (folder / "data" / "table.bin").write_bytes(b"numbers " * 400_000)
    (folder / ".hidden").write_text("stays")
    hub = HfApi(endpoint=live.base_url, token=live.account("publisher")["token"])
    repo = hub.create_repo("publisher/dropped", exist_ok=True).repo_id
    page = new_page(role="publisher")
    page.goto(f"/{repo}/upload")
    expect(page.get_by_role("button", name="Upload and publish")).to_be_disabled()
    page.locator("#folder").set_input_files(folder)
    expect(page.get_by_role("status")).to_have_text("2 files, 3.2 MB")
    page.get_by_label("What changes").fill("First files")
    page.get_by_role("button", name="Upload and publish").click()
    page.wait_for_url("**/dropped?revision=*")
    (file,) = hub.get_paths_info(repo, "data/table.bin")
    assert file.lfs.sha256 == hashlib.sha256(b"numbers " * 400_000).hexdigest()
    assert not hub.file_exists(repo, ".hidden")
    assert hub.list_repo_commits(repo)[0].title == "First files"


def test_files_are_taken_back_and_go_on_after_signing_in_again(
    live: Live, new_page, tmp_path: Path
) -> None:
    for name in ("card.txt", "wrong.txt"):
        (tmp_path / name).write_text(name)
    hub = HfApi(endpoint=live.base_url, token=live.account("publisher")["token"])
    repo = hub.create_repo("publisher/taken-back", exist_ok=True).repo_id
    page = new_page(role="publisher", width=360)
    page.goto(f"/{repo}/upload")
    page.locator("#files").set_input_files([tmp_path / "card.txt", tmp_path / "wrong.txt"])
    page.get_by_role("button", name="Remove wrong.txt").click()
    expect(page.get_by_role("status")).to_have_text("1 file, 8 B")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.clear_cookies()
    page.get_by_role("button", name="Upload and publish").click()
    said = page.locator("#failure")
    expect(said).to_contain_text("You were signed out. Sign in in another tab, then go on.")
    with page.context.expect_page() as opened:
        said.get_by_role("link").click()
    sign_in(opened.value, live.account("publisher"))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/taken-back?revision=*")
    assert hub.file_exists(repo, "card.txt")
    assert not hub.file_exists(repo, "wrong.txt")
