"""Reports as web pages: of a run, of a comparison, of a sweep, or of a file that one of them has left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collsim.errors import FileFormatError, InvalidValue, TopologyError
from collsim.report.output import write_text
from collsim.report.page.html import shown
from collsim.report.page.rows import rows_page
from collsim.report.page.runs import run_page, saved_run_page
from collsim.result import Outcome
from collsim.sweep.compare import Comparison
from collsim.sweep.results import Results, read_results

__all__ = ["page_of", "page_of_file", "write_report"]

SQLITE = b"SQLite format 3\0"


def write_report(what: Outcome | Comparison | Results | str | Path, path: str | Path) -> None:
    """Write a page of a run, a comparison, results of a sweep, or a file of these, to `path`.

    The page is one HTML file that needs no network. Links of a run are shown by time where it has crossings. Raises
    OutputError where it cannot be written, and what `page_of_file` raises.
    """
    write_text(path, page_of(what) if isinstance(what, (Outcome, Comparison, Results)) else page_of_file(what))


def page_of(what: Outcome | Comparison | Results) -> str:
    """Return the page as HTML. Raises InvalidValue where there is nothing to show."""
    if isinstance(what, Outcome):
        return run_page(what)
    if isinstance(what, Results):
        return _results_page(what)
    if not what.outcomes:
        raise InvalidValue("No algorithm of this comparison ran, so there is nothing to report.")
    value = what.to_dict() | {"provenance": dict(what.outcomes[0].result.provenance)}
    return _comparison_page(value | {"changed_settings": what.outcomes[0].network.changed()})


def page_of_file(path: str | Path) -> str:
    """Return the page of a file: JSON of `collsim run` or `compare`, or SQLite of `collsim sweep`.

    Raises InvalidValue for a file that cannot be read and FileFormatError for one that is none of these.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InvalidValue(f"Cannot read '{path}': {error.strerror or error}.") from error
    if content.startswith(SQLITE):
        return _results_page(read_results(path))
    try:
        value = json.loads(content)
    except ValueError as error:
        raise FileFormatError(f"'{path}' is neither JSON nor a file of results: {error}.") from error
    try:
        if isinstance(value, Mapping) and "runs" in value and "algorithms" in value:
            return _comparison_page(value)
        if isinstance(value, Mapping) and "critical_path" in value:
            return saved_run_page(value)
    except (KeyError, TypeError, ValueError, AttributeError, TopologyError) as error:
        why = f"{type(error).__name__} at {error}"
        raise FileFormatError(f"'{path}' is not what this version of collsim writes ({why}); write it again.") from error
    raise FileFormatError(
        f"'{path}' holds neither a run nor a comparison; write it with 'collsim run --json' or 'compare --json'."
    )


def _comparison_page(value: Mapping[str, Any]) -> str:
    title = f"{value['collective']} on {value['topology']}: {', '.join(value['algorithms'])}"
    facts = [(name, shown(name, value[name])) for name in ("topology", "collective", "engine") if value.get(name)]
    facts += [
        (f"left out: {r['algorithm']} at {shown('size', r['size_bytes'])}", str(r["reason"])) for r in value["refused"]
    ]
    if "changed_settings" in value:
        settings = ", ".join(f"{name}={setting}" for name, setting in value["changed_settings"].items())
        facts.append(("settings", settings or "defaults"))
    named = ("collsim", "topology", "network", "seed")
    facts += [
        (f"provenance: {name}", str(value["provenance"][name])) for name in named if name in value.get("provenance", {})
    ]
    if not value["runs"]:
        raise InvalidValue("No algorithm of this comparison ran, so there is nothing to report.")
    return rows_page(title, facts, value["runs"], ["algorithm", "size_bytes"])


def _results_page(results: Results) -> str:
    records = results.records()
    if not records:
        raise InvalidValue(f"There are no rows in '{results.source}' to report; run the sweep first.")
    parameters = list(dict.fromkeys(name for row in results.rows for name in row.point))
    versions = sorted({str(record["collsim_version"]) for record in records})
    facts = [("file", results.source), ("points", str(results)), ("collsim", ", ".join(versions))]
    return rows_page(f"Sweep {Path(results.source).name}", facts, records, parameters)
