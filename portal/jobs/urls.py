from django.urls import path

from portal.jobs.views import openai, playground, tokens

app_name = "jobs"
urlpatterns = [
    path("v1/models", openai.models, name="models"),
    path("v1/models/<path:name>", openai.model, name="model"),
    path("v1/completions", openai.completions, name="completions"),
    path("v1/chat/completions", openai.chat_completions, name="chat_completions"),
    path("v1/tokenize", tokens.tokenize, name="tokenize"),
    path("v1/detokenize", tokens.detokenize, name="detokenize"),
    path("v1/<path:rest>", openai.elsewhere, name="elsewhere"),
    path("playground", playground.playground, name="playground"),
    path("playground/<uuid:job_id>", playground.job, name="job"),
    path("playground/<uuid:job_id>/events", playground.events, name="events"),
    path("playground/<uuid:job_id>/stop", playground.stop, name="stop"),
    path("jobs", playground.jobs, name="jobs"),
]
