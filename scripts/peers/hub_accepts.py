"""Take one step of a model's way to a reader, by the installed huggingface_hub.

``upload NAME FOLDER`` makes a gated repo of a folder, ``upload_large NAME FOLDER`` brings one in
several commits to a repo that exists (by clients before version 2), ``accept NAME`` accepts the one
request that waits, and ``download NAME FOLDER`` fetches it. HF_ENDPOINT and HF_TOKEN are in the
environment.
"""

from __future__ import annotations

import sys

from huggingface_hub import HfApi, snapshot_download

api = HfApi()


def upload(name: str, folder: str) -> None:
    api.create_repo(name)
    api.upload_folder(repo_id=name, folder_path=folder)
    api.update_repo_settings(name, gated="manual", private=False)


def upload_large(name: str, folder: str) -> None:
    # One worker: several wait ten seconds for each other where there is nothing to do.
    api.upload_large_folder(name, folder, repo_type="model", num_workers=1, print_report=False)


def accept(name: str) -> None:
    (waiting,) = api.list_pending_access_requests(name)
    api.accept_access_request(name, waiting.username)


def download(name: str, folder: str) -> None:
    snapshot_download(name, local_dir=folder)


step, *arguments = sys.argv[1:]
steps = {"upload": upload, "upload_large": upload_large, "accept": accept, "download": download}
steps[step](*arguments)
