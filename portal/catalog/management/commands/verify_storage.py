"""Read and hash the stored blobs again, and compare the store with its rows."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from portal.catalog.models import StorageFinding
from portal.catalog.services.storage_check import StorageReport, bytes_to_check, verify_storage

TOLD_AT_MOST = 100
REMEDIES = {
    StorageFinding.Kind.CORRUPT: "take the blob away, and publish its folder again or restore it",
    StorageFinding.Kind.MISSING: "publish its folder again, or restore it from the backup",
    StorageFinding.Kind.ORPHAN: "a broken-off upload; it may be deleted",
}


class Command(BaseCommand):
    help = (
        "Hash stored blobs again; name those that have changed, are gone, or belong to nothing, "
        "and exit with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--limit-gb",
            type=float,
            metavar="N",
            help="read so much at most, the longest unchecked first (all)",
        )
        parser.add_argument(
            "--orphans-after",
            type=float,
            default=24,
            metavar="HOURS",
            help="how old bytes without a row must be to count (24)",
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        gigabytes = options["limit_gb"]
        if (gigabytes is not None and gigabytes < 0) or options["orphans_after"] < 0:
            raise CommandError("--limit-gb and --orphans-after take 0 or more.")
        limit = None if gigabytes is None else int(gigabytes * 10**9)
        with tqdm(
            total=bytes_to_check(limit), unit="B", unit_scale=True, desc="hashing", leave=False
        ) as bar:
            report = verify_storage(
                now=timezone.now(),
                limit_bytes=limit,
                orphans_after=timedelta(hours=options["orphans_after"]),
                progress=bar.update,
            )
        self._tell(report, as_json=options["json"])

    def _tell(self, report: StorageReport, *, as_json: bool) -> None:
        open_findings = list(StorageFinding.objects.filter(mended_at=None)[:TOLD_AT_MOST])
        if as_json:
            findings = [
                {
                    "kind": finding.kind,
                    "sha256": finding.sha256,
                    "detail": finding.detail,
                    "found_at": finding.found_at.isoformat(),
                }
                for finding in open_findings
            ]
            self.stdout.write(json.dumps({**asdict(report), "findings": findings}))
        else:
            self.stdout.write(
                f"{report.checked} blobs read, {report.size_bytes:,} bytes; {report.stored} stored."
            )
        if report.open_findings:
            lines = [] if as_json else [_line(finding) for finding in open_findings]
            raise CommandError("\n  ".join([f"{report.open_findings} findings.", *lines]))


def _line(finding: StorageFinding) -> str:
    kind = StorageFinding.Kind(finding.kind)
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{kind}: {finding.sha256}{detail}: {REMEDIES[kind]}"
