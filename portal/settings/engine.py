"""Hosted inference: the engine, its jobs, quotas and costs."""

from __future__ import annotations

from datetime import timedelta

from portal import env

ENGINE = env.choice("WEIGHTGATE_ENGINE", "native", ("native", "vllm"))
VLLM = env.text("WEIGHTGATE_VLLM")
VLLM_ARGS = env.arguments("WEIGHTGATE_VLLM_ARGS")
VLLM_START_SECONDS = env.integer("WEIGHTGATE_VLLM_START_SECONDS", 1800, minimum=1)
ENGINE_DEVICE = env.text("WEIGHTGATE_ENGINE_DEVICE", "cpu")
ENGINE_DTYPE = env.choice(
    "WEIGHTGATE_ENGINE_DTYPE", "float32", ("float32", "bfloat16", "float16", "int8")
)
ENGINE_TENSOR_PARALLEL_SIZE = env.integer("WEIGHTGATE_ENGINE_TENSOR_PARALLEL_SIZE", 1, minimum=1)
ENGINE_PIPELINE_PARALLEL_SIZE = env.integer(
    "WEIGHTGATE_ENGINE_PIPELINE_PARALLEL_SIZE", 1, minimum=1
)
ENGINE_RANK_TIMEOUT = timedelta(
    seconds=env.integer("WEIGHTGATE_ENGINE_RANK_TIMEOUT_SECONDS", 120, minimum=1)
)
ENGINE_MAX_NUM_SEQS = env.integer("WEIGHTGATE_ENGINE_MAX_NUM_SEQS", 16, minimum=1)
FLOOR_PERCENT = env.integer("WEIGHTGATE_FLOOR_PERCENT", 20, minimum=1, maximum=90)
BATCH_PERCENT = env.integer("WEIGHTGATE_BATCH_PERCENT", 5, minimum=1, maximum=90)
HOSTED_MODEL = env.text("WEIGHTGATE_HOSTED_MODEL")
JOB_LEASE = timedelta(seconds=env.integer("WEIGHTGATE_JOB_LEASE_SECONDS", 15, minimum=1))
JOB_SWEEP_SECONDS = env.integer("WEIGHTGATE_JOB_SWEEP_SECONDS", 5, minimum=1)
JOB_QUEUE_LIMIT = timedelta(
    seconds=env.integer("WEIGHTGATE_JOB_QUEUE_LIMIT_SECONDS", 86_400, minimum=1)
)
WORKER_ABSENCE = timedelta(seconds=env.integer("WEIGHTGATE_WORKER_ABSENCE_SECONDS", 600, minimum=0))
JOB_TIME_LIMIT = timedelta(seconds=env.integer("WEIGHTGATE_JOB_TIME_LIMIT_SECONDS", 600, minimum=1))
DAILY_TOKENS = env.integer("WEIGHTGATE_DAILY_TOKENS", 200_000)
DAILY_EGRESS_BYTES = env.integer("WEIGHTGATE_DAILY_EGRESS_BYTES", 1_000_000_000, minimum=1)
CAPTURE_BYTES = env.integer("WEIGHTGATE_CAPTURE_BYTES", 1 << 30, minimum=1, maximum=1 << 30)
DISCLOSURE_BY_TWO = env.flag("WEIGHTGATE_DISCLOSURE_BY_TWO", default=False)
PROMPT_DAYS = env.integer("WEIGHTGATE_PROMPT_DAYS", 30, minimum=0)
MAX_OPEN_JOBS = env.integer("WEIGHTGATE_MAX_OPEN_JOBS", 8, minimum=1)
MAX_EVENT_STREAMS = env.integer("WEIGHTGATE_MAX_EVENT_STREAMS", 8, minimum=1)
PROMPT_BYTES_PER_MINUTE = env.integer("WEIGHTGATE_PROMPT_BYTES_PER_MINUTE", 2_000_000, minimum=1)
ENERGY_METER = env.choice("WEIGHTGATE_ENERGY_METER", "auto", ("auto", "nvml", "rapl", "estimate"))
FILE_BYTES = env.integer("WEIGHTGATE_FILE_BYTES", 100_000_000, minimum=1, maximum=256 << 20)
FILE_BYTES_PER_PERSON = env.integer("WEIGHTGATE_FILE_BYTES_PER_PERSON", 1_000_000_000, minimum=1)
BATCH_LINES = env.integer("WEIGHTGATE_BATCH_LINES", 50_000, minimum=1)
BATCH_OPEN_LINES = env.integer("WEIGHTGATE_BATCH_OPEN_LINES", 64, minimum=1)
MAX_OPEN_BATCHES = env.integer("WEIGHTGATE_MAX_OPEN_BATCHES", 4, minimum=1)
ENGINE_WATTS = env.decimal("WEIGHTGATE_ENGINE_WATTS", 65.0)
ENGINE_IDLE_WATTS = env.decimal("WEIGHTGATE_ENGINE_IDLE_WATTS", 20.0)
ENGINE_PUE = env.decimal("WEIGHTGATE_ENGINE_PUE", 1.1)
ENGINE_KG_PER_KWH = env.decimal("WEIGHTGATE_ENGINE_KG_PER_KWH", 0.385)
ENGINE_PRICE_PER_HOUR = env.decimal("WEIGHTGATE_ENGINE_PRICE_PER_HOUR", 0.05)
ENGINE_PRICE_PER_KWH = env.decimal("WEIGHTGATE_ENGINE_PRICE_PER_KWH", 0.0)
CURRENCY = env.text("WEIGHTGATE_CURRENCY", "EUR")
