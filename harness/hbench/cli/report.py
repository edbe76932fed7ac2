"""``hbench report``: a finished benchmark as one HTML page, and its figures."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hbench.cli.common import BenchmarksArgument, ResultsOption, answering, tell

FIGURE = re.compile(r"[^/\\]+\.(svg|pdf)")

if TYPE_CHECKING:
    from hbench.store import Store


def report(
    benchmarks: BenchmarksArgument = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Write an HTML page for each benchmark, and its figures.

    The page needs no network; the figures are SVG and PDF.
    """
    with answering() as answer:
        from hbench.findings import read_results
        from hbench.page import report_page
        from hbench.stages import compare, verify
        from hbench.stages import report as stage
        from hbench.store import Store

        store = Store(results)
        for resolved in read_results(results, benchmarks or ()).details:
            name = resolved["benchmark"]
            comparison = compare.run(resolved, results)
            claims = verify.run(resolved, comparison, results)
            missing = compare.missing(resolved, results)
            told = stage.run(resolved, comparison, claims, missing, results)
            page = report_page(told)
            folder = store.benchmark(name)
            _write_figures(store, folder / "figures", page.files, told.fingerprint)
            store.put(folder, "report.html", page.html)
            answer.text(folder / "report.html")
            answer.text(f"{folder / 'figures'} ({len(page.files)} files)")
            for note in [*told.gaps, *page.notes]:
                tell(f"note: {name}: {note}")
            for line in store.told():
                tell(f"note: {line}")
            for system in missing:
                tell(f"missing: {name}: {system}; run it again")


def _write_figures(
    store: "Store", folder: Path, files: Mapping[str, bytes], fingerprint: str
) -> None:
    """Write the figures; those of an earlier report that are no longer drawn are removed."""
    from hbench.locks import alone
    from hbench.manifests import damage

    with alone(store.lock(folder.relative_to(store.root).as_posix())):
        wrong, manifest = damage(folder)
        if wrong:
            store.put_aside(folder, ", ".join(wrong))
        with store.writing(folder, {"fingerprint": fingerprint}) as (scratch, _):
            for name, content in files.items():
                (scratch / name).write_bytes(content)
        for name in manifest.get("files", {}).keys() - files.keys():
            if FIGURE.fullmatch(name):  # whatever else a manifest may list is none of ours
                (folder / name).unlink(missing_ok=True)
