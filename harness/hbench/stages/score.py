"""Score stage: ranks in every asked pool become one value per query and metric.

The rank of a passage in a pool is 1 + the sum of its ``beats`` over the pool's languages; so one
count serves all settings. A query without a relevant passage in a pool is left out of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus
from hbench.errors import PluginError
from hbench.protocols import Metric
from hbench.records import SCORE_KEYS, FloatArray, Int32Array, Int64Array, Ranks, Top
from hbench.settings import Component
from hbench.toplist import TopList

VERSION = 1


@dataclass(frozen=True)
class Beats:
    """``beats.npz``, as the rank stage wrote it; see there."""

    query: Int32Array
    passage: Int32Array
    grade: Int32Array
    beats: Int32Array

    @classmethod
    def read(cls, path: Path) -> "Beats":
        """Read the file."""
        with np.load(path, allow_pickle=False) as file:
            return cls(*(file[name] for name in ("query", "passage", "grade", "beats")))


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


def ranks_in_pool(
    corpus: Corpus, beats: Beats, component: Component
) -> tuple[Int64Array, Ranks] | None:
    """The queries of a language that have a relevant passage in a pool, and where these stand.

    Returns:
        (n,) query numbers, ascending, and the ranks; None if there is no such query.
    """
    language = corpus.languages.index(component.query_language)
    pool = [corpus.languages.index(name) for name in component.pool]
    begin, end = corpus.query_offsets[language : language + 2]
    rows = slice(*np.searchsorted(beats.query, [begin, end]))
    where = corpus.passage_languages(beats.passage[rows])
    inside = np.flatnonzero(np.isin(where, pool)) + rows.start
    if not len(inside):
        return None
    query = beats.query[inside].astype(np.int64)
    rank = 1.0 + beats.beats[inside][:, pool].sum(axis=1, dtype=np.int64)
    order = np.lexsort((rank, query))
    numbers, first, counts = np.unique(query[order], return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(numbers)), counts)
    column = np.arange(len(order)) - np.repeat(first, counts)
    shape = (len(numbers), int(counts.max()))

    def spread(values: npt.NDArray[Any], fill: float, kind: type) -> npt.NDArray[Any]:
        table: npt.NDArray[Any] = np.full(shape, fill, kind)
        table[row, column] = values[order]
        return table

    place_in_pool = np.searchsorted(np.sort(pool), where[inside - rows.start])
    ranks = Ranks(
        rank=spread(rank, np.inf, np.float64),
        grade=spread(beats.grade[inside], 0, np.int64),
        language=spread(place_in_pool, -1, np.int64),
        query_language=component.query_language,
        pool=tuple(corpus.languages[i] for i in sorted(pool)),
        pool_sizes=np.diff(corpus.passage_offsets)[np.sort(pool)],
    )
    return numbers, ranks


def needs_top(metric: Metric) -> bool:
    """Whether a metric is a function of the first passages, not of the ranks."""
    return getattr(metric, "needs", "ranks") == "top"


def values_of(metric: Metric, label: str, ranks: Ranks | Top) -> FloatArray:
    """(n,) a metric's values.

    Raises:
        PluginError: the metric did not return one number a query.
    """
    queries = len(ranks.rank if isinstance(ranks, Ranks) else ranks.language)
    values = np.asarray(metric.values(ranks), np.float64)  # type: ignore[arg-type]
    if values.shape != (queries,):
        raise PluginError(
            f"metric {label!r} returned shape {values.shape} for {queries} queries; "
            "it must return one value a query"
        )
    if np.isinf(values).any():
        raise PluginError(f"metric {label!r} returned an infinite value; return NaN for 'absent'")
    return values


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
