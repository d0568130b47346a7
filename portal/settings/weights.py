"""The blob store, manifests, links and downloads."""

from __future__ import annotations

from datetime import timedelta

from portal import env
from portal.settings.site import VAR

STORAGE = env.choice("WEIGHTGATE_STORAGE", "local", ("local", "s3"))
BLOB_DIR = env.path("WEIGHTGATE_BLOB_DIR", shown="$WEIGHTGATE_VAR/blobs", default=VAR / "blobs")
X_ACCEL_PREFIX = env.text("WEIGHTGATE_X_ACCEL_PREFIX")
TRANSFER_LOG = env.text("WEIGHTGATE_TRANSFER_LOG")
S3_BUCKET = env.text("WEIGHTGATE_S3_BUCKET")
S3_ENDPOINT_URL = env.text("WEIGHTGATE_S3_ENDPOINT_URL")
S3_REGION = env.text("WEIGHTGATE_S3_REGION", "us-east-1")
S3_ACCESS_KEY_ID = env.text("WEIGHTGATE_S3_ACCESS_KEY_ID")
S3_SECRET_ACCESS_KEY = env.text("WEIGHTGATE_S3_SECRET_ACCESS_KEY")
VERIFY_STORAGE_BYTES = env.integer("WEIGHTGATE_VERIFY_STORAGE_GB", 100) * 10**9
MANIFEST_KEY_MADE_AT = VAR / "manifest" / "key.pem"
MANIFEST_KEY_FILE = env.path(
    "WEIGHTGATE_MANIFEST_KEY_FILE",
    shown="$WEIGHTGATE_VAR/manifest/key.pem",
    default=MANIFEST_KEY_MADE_AT,
)
LINK_TTL = timedelta(seconds=env.integer("WEIGHTGATE_LINK_SECONDS", 300, minimum=1))
UPLOAD_LINK_TTL = timedelta(
    seconds=env.integer("WEIGHTGATE_UPLOAD_LINK_SECONDS", 86_400, minimum=1)
)
UPLOAD_RESERVE_BYTES = env.integer("WEIGHTGATE_UPLOAD_RESERVE_BYTES", 1_000_000_000, minimum=0)
NEW_REPOS = env.choice("WEIGHTGATE_NEW_REPOS", "private", ("private", "public"))
CHECK_IN_REQUEST_BYTES = env.integer("WEIGHTGATE_CHECK_IN_REQUEST_BYTES", 64_000_000, minimum=0)
LOAD_CHECK_BYTES = env.integer("WEIGHTGATE_LOAD_CHECK_BYTES", 20_000_000_000, minimum=0)
WRITES_PER_MINUTE = env.integer("WEIGHTGATE_WRITES_PER_MINUTE", 240, minimum=1)

DAILY_DOWNLOAD_GB = env.integer("WEIGHTGATE_DAILY_DOWNLOAD_GB", 2000)
MAX_DOWNLOADS = env.max_downloads()
