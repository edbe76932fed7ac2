"""hbench: which way of training a multilingual retriever is better, and is the difference real?

    import hbench

    results = hbench.load("benchmarks.yaml").run()
    results.levels       # and differences, matrix, scores, claims: tidy data frames

``load`` and ``results`` are imported when they are first used. Plugins import what they need from
``hbench.records``, ``hbench.protocols``, ``hbench.errors``, ``hbench.drawing`` (batches),
``hbench.packing`` (texts by length) and ``hbench.store`` (``key_of`` and ``file_record``, for
fingerprints).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hbench.findings import Results
    from hbench.study import Study, load, results

__all__ = ["Results", "Study", "load", "results"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    if name not in __all__:
        raise AttributeError(f"module 'hbench' has no attribute {name!r}")
    from hbench import study

    return getattr(study, name)
