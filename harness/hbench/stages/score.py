"""Score stage: ranks in every asked pool become one value per query and metric.

A query without a relevant passage in a pool is left out of it. How ranks come from counts is in
``hbench.ranks``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hbench.corpus import Corpus
from hbench.protocols import Metric
from hbench.ranks import Beats, needs_top, ranks_in_pool, values_of
from hbench.records import SCORE_KEYS, Ranks, Top
from hbench.settings import Component
from hbench.toplist import TopList

VERSION = 1


def run(
    corpus: Corpus,
    beats: Beats,
    settings: Mapping[str, Sequence[Component]],
    metrics: Mapping[str, Metric],
    path: Path,
    *,
    top: Path | None = None,
    keep: Path | None = None,
    kept_columns: Sequence[str] = (),
) -> dict[str, Any]:
    """Write ``scores.parquet``: a row for each (query, setting, pool), a column for each metric.

    Args:
        corpus: the dataset.
        beats: the counts.
        settings: the components of each setting.
        metrics: by their label.
        path: where to write.
        top: the best passages, for metrics that need them.
        keep: an earlier scores file, whose other rows and columns stay.
        kept_columns: the metrics of that file that are still valid.

    Returns:
        What the manifest tells: rows by setting, and what is noteworthy.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    needed = [label for label, metric in metrics.items() if needs_top(metric)]
    if needed and top is None:
        raise ValueError(f"{needed[0]} needs the best passages, and none are given")
    best = TopList.read(top, corpus) if needed and top is not None else None
    blocks = [
        _block(corpus, beats, setting, component, metrics, best)
        for setting, components in settings.items()
        for component in components
    ]
    table = pa.concat_tables(blocks)
    rows = {name: int(np.sum(table["setting"].to_numpy() == name)) for name in settings}
    notes = [
        f"{left_out} (query, pool) pairs of setting {name} have no relevant passage"
        for name, components in settings.items()
        if (left_out := _asked(corpus, components) - rows[name])
    ]
    if keep is not None:
        table = _merge(pq.read_table(keep, columns=[*SCORE_KEYS, *kept_columns]), table)
    order = [(name, "ascending") for name in ("setting", "query_language", "pool", "query")]
    pq.write_table(table.sort_by(order), path, compression="zstd")
    return {"rows": rows, "notes": notes}


def _block(
    corpus: Corpus,
    beats: Beats,
    setting: str,
    component: Component,
    metrics: Mapping[str, Metric],
    best: TopList | None,
) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """The rows of one component; none where no query has a relevant passage in the pool."""
    import pyarrow as pa

    queries, ranks = ranks_in_pool(corpus, beats, component) or (np.empty(0, np.int64), None)
    items = corpus.query_items[queries]
    constants = (component.query_language, component.pool_name, setting)
    columns: dict[str, Any] = {
        "item": corpus.table("items")["item"].take(items),
        "cluster": corpus.table("items")["cluster"].take(items),
        "query": pa.array(queries, pa.int32()),
    }
    for name, value in zip(SCORE_KEYS[3:], constants, strict=True):
        columns[name] = pa.array([value] * len(queries), pa.string())
    for label, metric in metrics.items():
        seen: Ranks | Top | None = ranks
        if ranks and best is not None and needs_top(metric):
            seen = best.in_pool(queries, component, metric.k)  # type: ignore[attr-defined]
        values = values_of(metric, label, seen) if ranks and seen else np.empty(0)
        columns[label] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def _merge(old: Any, new: Any) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """New rows and columns over old ones: nothing else that was there is lost."""
    import pyarrow as pa

    keys = list(SCORE_KEYS)
    others = [name for name in old.column_names if name not in new.column_names]
    kept = old.join(new.select(keys), keys=keys, join_type="left anti")
    again = new.join(old.select([*keys, *others]), keys=keys, join_type="left outer")
    return pa.concat_tables([again, kept], promote_options="default")


def _asked(corpus: Corpus, components: Sequence[Component]) -> int:
    """How many (query, pool) there are before those without a relevant passage are left out."""
    sizes = dict(zip(corpus.languages, np.diff(corpus.query_offsets).tolist(), strict=True))
    return sum(sizes[component.query_language] for component in components)
