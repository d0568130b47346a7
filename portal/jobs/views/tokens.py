"""Serve /v1/tokenize and /v1/detokenize, as vLLM spells them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.jobs.chat.endpoints import NUL_IN
from portal.jobs.openai.tokens import parse_detokenize, parse_tokenize
from portal.jobs.services import tokenizing
from portal.jobs.views.requests import body_object, caller_of, refuse_method


@csrf_exempt
def tokenize(request: HttpRequest) -> HttpResponse:
    if refused := refuse_method(request, "POST"):
        return refused
    caller = caller_of(request)
    body = parse_tokenize(body_object(request, nul_in=NUL_IN))
    tokens = tokenizing.tokenize(caller=caller, request=body, now=timezone.now())
    answer = {
        "count": len(tokens.ids),
        "max_model_len": tokens.context_length,
        "tokens": tokens.ids,
        "token_strs": tokens.strings,
    }
    return JsonResponse(answer)


@csrf_exempt
def detokenize(request: HttpRequest) -> HttpResponse:
    if refused := refuse_method(request, "POST"):
        return refused
    caller = caller_of(request)
    body = parse_detokenize(body_object(request))
    prompt = tokenizing.detokenize(caller=caller, request=body, now=timezone.now())
    return JsonResponse({"prompt": prompt})
