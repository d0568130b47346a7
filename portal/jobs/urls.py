from django.urls import path, re_path

from portal.jobs.accounting import views as tariffs
from portal.jobs.disclosure import views as disclosure
from portal.jobs.views import (
    batches,
    captures,
    chat,
    files,
    openai,
    own,
    own_batches,
    playground,
    serving,
    tokens,
)

app_name = "jobs"
urlpatterns = [
    path("v1/models", openai.models, name="models"),
    path("v1/models/<path:name>", openai.model, name="model"),
    path("v1/completions", openai.completions, name="completions"),
    path("v1/completions/<str:completion_id>/captures", captures.captures, name="captures"),
    path("-/d/c/<str:signed>/<str:filename>", captures.capture_link, name="capture_link"),
    path("v1/chat/completions", chat.chat_completions, name="chat_completions"),
    path("v1/tokenize", tokens.tokenize, name="tokenize"),
    path("v1/detokenize", tokens.detokenize, name="detokenize"),
    path("v1/files", files.all_files, name="files"),
    path("v1/files/<str:file_id>", files.one_file, name="file"),
    path("v1/files/<str:file_id>/content", files.content, name="file_content"),
    path("v1/batches", batches.all_batches, name="batches"),
    path("v1/batches/<str:batch_id>", batches.one_batch, name="batch"),
    path("v1/batches/<str:batch_id>/cancel", batches.cancel, name="batch_cancel"),
    path("v1/<path:rest>", openai.elsewhere, name="elsewhere"),
    path("playground", playground.playground, name="playground"),
    path("playground/<uuid:job_id>", playground.job, name="job"),
    path("playground/<uuid:job_id>/events", playground.events, name="events"),
    path("playground/<uuid:job_id>/stop", playground.stop, name="stop"),
    path("operators/prompts", disclosure.disclosures, name="disclosures"),
    path("operators/prompts/<int:disclosure_id>", disclosure.disclosure, name="disclosure"),
    path(
        "operators/prompts/<int:disclosure_id>/confirm",
        disclosure.confirm,
        name="disclosure_confirm",
    ),
    path("operators/workers", serving.serving, name="serving"),
    path("operators/tariffs", tariffs.tariffs, name="tariffs"),
    path("jobs", own.jobs, name="jobs"),
    path("jobs/batches", own_batches.batches, name="own_batches"),
    path("jobs/batches/<str:batch_id>", own_batches.batch, name="own_batch"),
    path("jobs/batches/<str:batch_id>/cancel", own_batches.cancel, name="own_batch_cancel"),
    re_path(
        r"^jobs/batches/(?P<batch_id>[^/]+)/(?P<kind>input|output|error|captures(?:-[0-9]{1,6})?)$",
        own_batches.file,
        name="own_batch_file",
    ),
    path("jobs/<uuid:job_id>/cancel", own.cancel, name="job_cancel"),
    path("jobs/<uuid:job_id>/captures", captures.download, name="job_captures"),
    path("jobs/<uuid:job_id>/again", own.again, name="job_again"),
]
