"""The serializers of files that are brought for a model, and of commits."""

from __future__ import annotations

from rest_framework import serializers

from portal.api.base.fields import FreeTextField, StrictCharField, StrictIntegerField
from portal.api.base.serializers import Input, Output
from portal.api.catalog.settings_serializers import ConsentInput
from portal.catalog.folder_checks import LARGEST_FILE_BYTES
from portal.catalog.paths import LONGEST_PATH
from portal.catalog.services.revisions import LONGEST_TITLE

MOST_AT_ONCE = 1000


class AnnouncedFileInput(Input):
    path = StrictCharField(max_length=LONGEST_PATH)
    size_bytes = StrictIntegerField(min_value=0, max_value=LARGEST_FILE_BYTES)


class UploadInput(Input):
    files = serializers.ListField(child=AnnouncedFileInput(), min_length=1, max_length=MOST_AT_ONCE)


class UploadOutput(Output):
    """An address for the bytes of one file."""

    path = serializers.CharField()
    url = serializers.CharField(
        help_text="Send the file’s bytes here by PUT; the answer’s ETag is their sha256."
    )
    expires_at = serializers.DateTimeField()


class BroughtFileInput(Input):
    path = StrictCharField(max_length=LONGEST_PATH)
    sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$", help_text="As the ETag of the upload’s answer says."
    )


class CommitInput(ConsentInput):
    """A commit, and what its publisher agrees to with it."""

    title = StrictCharField(max_length=LONGEST_TITLE)
    message = FreeTextField(required=False)
    files = serializers.ListField(
        child=BroughtFileInput(), max_length=MOST_AT_ONCE, allow_empty=True
    )
    delete = serializers.ListField(
        child=StrictCharField(max_length=LONGEST_PATH),
        max_length=MOST_AT_ONCE,
        required=False,
        help_text="Files or folders to delete.",
    )


class CommitOutput(Output):
    commit = serializers.CharField()
    url = serializers.CharField()
    quarantine = serializers.CharField(
        help_text="What keeps it from others, in words; empty once it has passed its check."
    )
