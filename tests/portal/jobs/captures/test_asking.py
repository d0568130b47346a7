"""Each refusal of captures and interventions names its field and item."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from safetensors.numpy import save

from portal.access.models import Grant
from portal.jobs.batches.public_ids import COMPLETION_PREFIX, FILE_PREFIX, spelt
from portal.jobs.captures.fields import MOST_ITEMS, MOST_NUMBERS
from portal.jobs.errors import BadParameter
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from portal.jobs.serving.servers import ModelServer, announce_server
from tests.factories.captures import ONE, make_captured
from tests.factories.grants import make_gate
from tests.factories.jobs import make_guest, make_waiting

pytestmark = pytest.mark.django_db
STEER = {"site": "output", "action": "add", "layer": 0, "value": 1.0}

BAD_CAPTURES = [
    ("output", "must be a list"),
    ([{"site": "outputs"}], "capture 0: site must be one of"),
    ([ONE, {"site": "output", "layers": [2]}], "capture 1: layers must be from 0 to 1"),
    ([{"site": "output", "positions": [7]}], "capture 0: positions must be from 0 to 6"),
    ([{"site": "output", "dtype": "int8"}], "capture 0: dtype"),
    ([{"site": "output", "hook": "import os"}], "capture 0: unknown field"),
    ([{"site": "heads", "reduce": {"kind": "top_k", "k": 2}}], "one vector"),
    ([{"site": "output", "reduce": {"kind": "top_k", "k": 33}}], "k must be from 1 to the 32"),
    ([{"site": "output", "reduce": {"kind": "projection", "matrix": [[1.0]]}}], "must be"),
    ([ONE, ONE], "capture 1: output of layer 0 is captured by capture 0 already"),
    ([ONE] * (MOST_ITEMS + 1), "256 items at most"),
    ([{**ONE, "reduce": {"kind": "projection", "matrix": {"file": "file-x", "tensor": "a"}}}],
     "capture 0: there is no file of tensors file-x"),
]  # fmt: skip
BAD_CHANGES = [
    ([{**STEER, "site": "attention"}], "intervention 0: attention can be captured"),
    ([{**STEER, "layer": 2}], "intervention 0: layer must be from 0 to 1"),
    ([{**STEER, "action": "exec"}], "intervention 0: action must be one of"),
    ([{**STEER, "value": [1.0, 2.0]}], "intervention 0: value of shape (2,)"),
    ([{**STEER, "value": "import os"}], "intervention 0: value"),
    ([{**STEER, "value": 1e300}], "infinite in float32"),
    ([{**STEER, "value": [[[[[[[[[1.0]]]]]]]]]}], "nested too deeply"),
    ([{**STEER, "value": [1.0] * (MOST_NUMBERS + 1)}], "Upload larger tensors"),
    ([{**STEER, "value": {"completion": f"cmpl-{'0' * 32}", "tensor": "0.output.0"}}],
     "intervention 0: there is no completion with captures"),
]  # fmt: skip


@pytest.mark.parametrize(("capture", "said"), BAD_CAPTURES)
def test_a_bad_capture_is_named(post, capture, said):
    answer = post(capture=capture)
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert error["param"] == "capture"
    assert said in error["message"].replace("'", "’") or said in error["message"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(("interventions", "said"), BAD_CHANGES)
def test_a_bad_intervention_is_named(post, interventions, said):
    answer = post(interventions=interventions)
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert error["param"] == "interventions"
    assert said in error["message"].replace("'", "’") or said in error["message"]


class TestRights:
    def condition(self, person, **conditions):
        Grant.objects.filter(person=person).update(conditions=conditions)

    @pytest.mark.parametrize("fields", [{"capture": [ONE]}, {"interventions": [STEER]}])
    @pytest.mark.parametrize("condition", ["no_captures", "no_logits"])
    def test_a_condition_refuses_by_name(self, post, guest, fields, condition):
        self.condition(guest, **{condition: True})
        answer = post(**fields)
        assert answer.status_code == 403
        assert answer.json()["error"]["param"] == next(iter(fields))

    def test_a_dry_run_is_refused_alike(self, post, guest):
        self.condition(guest, no_captures=True)
        assert post(capture=[ONE], dry_run=True).status_code == 403

    def test_no_captures_leaves_log_probabilities(self, submit, guest):
        self.condition(guest, no_captures=True)
        assert submit(logprobs=1)

    def test_who_waits_for_a_decision_has_text_alone(self, hosted, submit):
        person = make_waiting(hosted, tokens_per_day=100, now=timezone.now())
        assert submit(person)
        with pytest.raises(Exception, match="generated text only"):
            submit(person, capture=[ONE])


@pytest.mark.parametrize("fields", [{"capture": [ONE]}, {"interventions": [STEER]}])
def test_an_engine_that_cannot_is_named_by_the_field(post, hosted, fields):
    now = timezone.now()
    server = ModelServer(
        worker="worker-1",
        repo=hosted.full_name,
        commit=hosted.revisions.get().commit,
        engine="vllm",
        capabilities=("logprobs", "prompt_logprobs"),
        state="ready",
        since=now,
    )
    announce_server(server, now)
    answer = post(**fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(fields)))
    assert "not supported for this model" in answer.json()["error"]["message"]


class TestDryRun:
    def test_it_tells_shapes_bytes_and_what_is_left_and_makes_nothing(self, post, hosted):
        make_gate(hosted, egress_bytes_per_day=10_000)
        answer = post(capture=[{"site": "output", "layers": [1]}], n=2, dry_run=True).json()
        assert (answer["object"], answer["prompt_tokens"]) == ("completion.dry_run", [5])
        tensors = answer["captures"]["tensors"]
        assert tensors["1.output.1"] == {
            "shape": [7, 32],
            "dtype": "float32",
            "size_bytes": 7 * 32 * 4,
        }
        assert set(tensors) == {
            f"{choice}.output.1{end}" for choice in (0, 1) for end in ("", ".positions")
        }
        size = answer["captures"]["size_bytes"]
        assert size > sum(tensor["size_bytes"] for tensor in tensors.values())
        assert answer["egress"] == {
            "day": {"limit": 10_000, "used": 0, "left": 10_000},
            "total": None,
        }
        assert answer["fits"] is True
        assert not Job.objects.exists()

    def test_what_doesnt_fit_is_told_too(self, post, hosted):
        make_gate(hosted, egress_bytes_per_day=10)
        assert post(capture=[ONE], dry_run=True).json()["fits"] is False
        assert post(capture=[ONE]).status_code == 400

    def test_its_size_is_what_a_job_reserves(self, post, submit):
        size = post(capture=[ONE], dry_run=True).json()["captures"]["size_bytes"]
        assert submit(capture=[ONE]).reserved_capture_bytes == size

    def test_one_completion_has_a_bound(self, post, settings):
        settings.CAPTURE_BYTES = 500
        answer = post(capture=[{"site": "neurons"}], dry_run=True)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "capture")


class TestOwnTensors:
    def upload(self, client, key, content, **form):
        from django.core.files.uploadedfile import SimpleUploadedFile

        file = SimpleUploadedFile("probe.safetensors", content)
        return client.post("/v1/files", {"purpose": "tensors", "file": file, **form}, headers=key)

    def content(self, **tensors):
        import numpy as np

        return save({name: np.array(value, dtype="<f4") for name, value in tensors.items()})

    def test_a_file_is_taken_listed_and_deleted(self, client, key):
        stored = self.upload(client, key, self.content(probe=[[1.0, 2.0]]))
        assert stored.status_code == 200, stored.content
        file_id = stored.json()["id"]
        listed = client.get("/v1/files?purpose=tensors", headers=key).json()["data"]
        assert [file["id"] for file in listed] == [file_id]
        assert client.delete(f"/v1/files/{file_id}", headers=key).json()["deleted"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"{}", "not a safetensors file"),
            (b"\xff" * 64, "not a safetensors file"),
            (save({}), "it holds none"),
        ],
    )
    def test_what_is_no_file_of_tensors_is_refused(self, client, key, content, said):
        refused = self.upload(client, key, content)
        assert refused.status_code == 400
        assert said in refused.json()["error"]["message"]

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_poison_is_refused_as_it_comes(self, client, key, number):
        refused = self.upload(client, key, self.content(good=[1.0], bad=[1.0, number]))
        assert "bad holds NaN or infinity" in refused.json()["error"]["message"]

    def test_a_number_beyond_what_the_engine_has_is_refused(self, client, key):
        import numpy as np

        refused = self.upload(client, key, save({"probe": np.array([1e300], dtype="<f8")}))
        assert "beyond float32" in refused.json()["error"]["message"]

    def test_a_cut_file_is_refused(self, client, key):
        refused = self.upload(client, key, self.content(probe=[1.0] * 8)[:-4])
        assert "cut short" in refused.json()["error"]["message"]

    def test_its_shapes_are_checked_as_a_request_names_it(self, client, key, post, submit):
        content = self.content(probe=[[1.0] * 32], narrow=[[1.0] * 31])
        file_id = self.upload(client, key, content).json()["id"]

        def ask(tensor):
            matrix = {"file": file_id, "tensor": tensor}
            return [{**ONE, "reduce": {"kind": "projection", "matrix": matrix}}]

        assert submit(capture=ask("probe"))
        for tensor, said in (("narrow", "[out, 32]"), ("none", "there is no tensor")):
            message = post(capture=ask(tensor)).json()["error"]["message"]
            assert message.startswith("capture 0: ")
            assert said in message

    def test_anothers_file_is_nobodys(self, client, key, hosted, submit):
        file_id = self.upload(client, key, self.content(probe=[1.0])).json()["id"]
        stranger = make_guest(hosted)
        value = {"file": file_id, "tensor": "probe"}
        assert submit(interventions=[{**STEER, "value": value}])
        with pytest.raises(BadParameter, match="none of yours"):
            submit(stranger, interventions=[{**STEER, "value": value}])

    def test_a_file_of_requests_is_none_of_tensors(self, hosted, guest, submit):
        from tests.factories.batches import as_jsonl, make_file, request_line

        file = make_file(guest, as_jsonl([request_line(hosted)]), now=timezone.now())
        value = {"file": spelt(FILE_PREFIX, file.pk), "tensor": "probe"}
        with pytest.raises(BadParameter, match="is no file of tensors: download it, and send it"):
            submit(interventions=[{**STEER, "value": value}])

    def test_an_own_completion_is_named_by_its_tensor(self, hosted, submit, guest):
        submit(capture=[{"site": "output", "layers": [0]}])
        name = spelt(COMPLETION_PREFIX, make_captured(hosted, timezone.now()).pk)
        value = {"completion": name, "tensor": "0.output.0", "positions": [4]}
        change = {**STEER, "positions": [2], "value": value}
        assert submit(interventions=[change])
        with pytest.raises(BadParameter, match="none of yours"):
            submit(make_guest(hosted), interventions=[change])
        with pytest.raises(BadParameter, match="no tensor"):
            submit(interventions=[{**change, "value": {**value, "tensor": "0.output.1"}}])

    @pytest.mark.parametrize(
        ("positions", "there"), [(None, "it has 0 to 4"), ([1, 4, 0], "it has 0, 1, 4")]
    )
    def test_rows_of_an_own_completion_must_be_there(self, hosted, submit, positions, there):
        asked_for = {"site": "output", "layers": [0]}
        submit(capture=[{**asked_for, "positions": positions} if positions else asked_for])
        name = spelt(COMPLETION_PREFIX, make_captured(hosted, timezone.now()).pk)
        value = {"completion": name, "tensor": "0.output.0", "positions": [1, 90]}
        change = {**STEER, "positions": [2, 3], "value": value}
        with pytest.raises(BadParameter, match=f"no values at position 90: {there}"):
            submit(interventions=[change])


def test_the_row_keeps_what_was_asked_and_runs_again_alike(submit, hosted, guest):
    from portal.accounts.tokens.authentication import Caller

    job = submit(capture=[ONE], interventions=[STEER])
    assert json.loads(json.dumps(job.white_box)) == {
        "capture": [{**ONE, "dtype": "float32"}],
        "interventions": [STEER],
    }
    again = run_again(
        caller=Caller(guest), job_id=job.pk, now=timezone.now(), source=Job.Source.API
    )
    assert again.white_box == job.white_box
    assert again.reserved_capture_bytes == job.reserved_capture_bytes
