"""The readers of portal/parsing, and nothing beside them, parse what strangers send."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import text_of
from tests.architecture.test_one_rule import ROOT, SOURCES

READS_JSON = re.compile(r"json\.loads?\(|JSONDecoder|(?<!Bounded)JSONParser\)")
OWN_JSON = {
    "portal/accounts/organizations/register.py": "our own list of organizations",
    "portal/audit/last_check.py": "what our own nightly check noted in Redis",
    "portal/backup/endings/lines.py": "lines that we wrote, each held by the hash of the next",
    "portal/backup/restoring/source.py": "the manifest of a backup of ours, which is encrypted",
    "portal/backup/rights.py": "what a backup of ours says of roles, which is encrypted",
    "portal/backup/making/rows.py": "the names of columns in a backup of ours",
    "portal/backup/stream/archive.py": "the list of hashes in a backup of ours",
    "portal/catalog/lfs_rules.py": "one quoted pattern of a line, which nests nothing",
    "portal/catalog/hash_cache.py": "the cache that publishing keeps beside a folder",
    "portal/catalog/load_check.py": "the answer of a process of ours",
    "portal/delivery/accounting/transfers.py": "lines that nginx writes for us",
    "portal/embedded/files.py": "the demo's account of itself",
    "portal/jobs/chat/render_process.py": "what the portal asks a process of its own",
    "portal/jobs/models.py": "events that our engine made",
    "portal/jobs/streaming/event_log.py": "events that our engine made",
    "portal/observability/sharing.py": "figures that our own processes wrote to Redis",
    "portal/site/archives/bundled/verify.py": "stands alone, and reads what we bundled",
    "portal/demo/models.py": "what the demo trained",
    "portal/site/management/commands/seed_demo.py": "the demo's account of itself",
    "portal/api/base/parsers.py": "the base of our own parser",
}


def sources() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        if "parsing" not in path.parts:
            yield str(Path(path).relative_to(ROOT)), text_of(path)


def imported(source: str) -> set[str]:
    """List the top names of all modules that a source imports."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    parts = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | parts}


def test_no_module_reads_yaml_by_itself():
    assert [
        name for name, source in sources() if "yaml" in source and "yaml" in imported(source)
    ] == []


def test_json_is_read_elsewhere_only_where_it_is_our_own():
    assert {name for name, source in sources() if READS_JSON.search(source)} == set(OWN_JSON)
