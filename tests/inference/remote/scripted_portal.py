"""A portal of a few lines, over real HTTP, which answers what a test says and notes what came."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "ffn_dim": 64,
    "vocab_size": 99,
    "max_position_embeddings": 96,
}
MODEL = {"id": "lab/opt", "x_weightgate": {"config": SIZES}}
CHOICE = {"index": 0, "text": "a", "token_ids": [7], "finish_reason": "length", "logprobs": None}
ANSWER = {"id": "cmpl-1", "choices": [CHOICE]}


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value, status=200, **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return cls(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


def refusal(status, message, code=None, param=None, **headers):
    error = {"message": message, "code": code, "param": param}
    return Answer.of({"error": error}, status, **headers)


class ScriptedPortal:
    """Answers by path, in turn, and the last for ever; ``requests`` are (path, headers, body)."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.answers["/v1/models/lab/opt"] = [Answer.of(MODEL)]
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.base_url = ""

    def at(self, path):
        return [request for request in self.requests if request[0] == path]

    def answer(self, path, headers, body):
        self.requests.append((path, headers, body))
        answers = self.answers.get(path)
        if not answers:
            return refusal(404, "There is nothing here.")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def scripted_portal():
    portal = ScriptedPortal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = portal.answer(self.path, dict(self.headers), body)
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    portal.base_url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
