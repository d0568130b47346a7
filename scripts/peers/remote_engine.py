"""RemoteEngine where neither torch nor the server's packages are installed."""

import importlib.util
import os
import sys
from pathlib import Path

import inference
from inference import RemoteEngine, SamplingParams
from inference.interp import Capture, Intervention, Mean

assert Path(inference.__file__).is_relative_to(Path(sys.prefix)), "not the wheel’s"
for name in ("torch", "django", "celery", "transformers", "safetensors"):
    assert importlib.util.find_spec(name) is None, name
with RemoteEngine(
    os.environ["HF_ENDPOINT"], os.environ["APPROVED"], os.environ["HOSTED_MODEL"]
) as engine:
    params = SamplingParams(max_tokens=4, temperature=0.0, logprobs=1, ignore_eos=True)
    [output] = engine.generate("import os\n", params)
    streamed = [
        token for event in engine.stream("import os\n", params) for token in event.token_ids
    ]
    steer = Intervention("output", "add", [0.5] * engine.config.hidden_size, layer=0)
    captures = [Capture("output", dtype="bfloat16"), Capture("logits", reduce=Mean())]
    [steered] = engine.generate("import os\n", params, captures=captures, interventions=[steer])
captured = steered.outputs[0].captured
assert type(captured.values("output", 1)).__module__ == "numpy"
assert captured.values("logits", None, "mean").shape == (1, engine.config.vocab_size)
[sample] = output.outputs
assert sample.token_ids == streamed
assert len(sample.logprobs) == 4
print(f"  said {sample.text!r}")
