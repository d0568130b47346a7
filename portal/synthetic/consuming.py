"""Download and prompt as clients do: by a link, or by a job that a worker runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

from portal.access.models import Grant
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File, ModelRepo
from portal.catalog.services.lookup import head_revision
from portal.delivery.links import verify
from portal.delivery.services import end_download, mint_link, start_download
from portal.jobs import hosting
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.services import JobResult, claim_next_job, create_job, finish_job
from portal.jobs.streaming.event_log import ChoiceEvent

SECONDS_A_TOKEN = 0.05


def download_once(*, caller: Caller, grant: Grant, now: datetime) -> None:
    """Fetch every shard of the model's newest revision. Raises Refused."""
    revision = head_revision(grant.repo)
    if revision is None:
        return
    shards = File.objects.filter(revision=revision, path__endswith=".safetensors")
    for file in shards.select_related("blob", "revision__repo__namespace"):
        url = mint_link(caller=caller, file=file, now=now)
        link = verify(url.split("/")[-2], now=now)
        download = start_download(link, file, span=None, status=HTTPStatus.OK, now=now, ip=None)
        later = now + timedelta(seconds=3)
        end_download(download.pk, bytes_sent=file.blob.size_bytes, now=later)


def prompt_once(*, caller: Caller, repo: ModelRepo, tokens: list[int], now: datetime) -> None:
    """Prompt the hosted model by token ids, and let a worker answer that never was. Raises Refused.

    Its answer is the prompt, so nothing is generated: the weights are drawn by chance.
    """
    revision = head_revision(repo)
    if revision is None:
        return
    hosting.beat(repo.full_name, state=hosting.READY, commit=revision.commit)
    body = {"model": repo.full_name, "prompt": tokens, "max_tokens": len(tokens)}
    job = create_job(caller=caller, completion_request=parse_completion(body), now=now)
    begins = now + timedelta(seconds=1)
    claim_next_job(worker="synthetic", repo_id=repo.pk, revision_id=revision.pk, now=begins)
    seconds = SECONDS_A_TOKEN * len(tokens)
    event = ChoiceEvent(choice=0, tokens=tokens, finish_reason="length")
    result = JobResult([event], len(tokens), seconds, begins + timedelta(seconds=SECONDS_A_TOKEN))
    ends = begins + timedelta(seconds=seconds)
    finish_job(job_id=job.pk, attempt=1, result=result, now=ends)
