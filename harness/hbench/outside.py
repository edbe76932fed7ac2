"""TREC runs of other systems, scored with the judgements and metrics of an evaluation.

A file searched the languages of the passages that it lists, over all of its topics. A pool of fewer
languages is ranked by leaving out the passages of the others. That is exact for lists of all
passages; of lists that are cut off fewer passages remain than a search of the pool alone would have
listed, so that relevant ones may be missing which such a search had found.

Relevant passages that are not listed count as not found, as in trec_eval. For metrics that speak of
ranks themselves, as a distance of ranks does, they are taken as ranked last in the pool.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hbench.corpus import Corpus
from hbench.errors import OptionError, StoreError
from hbench.evaluated import Rows
from hbench.listed import Listed
from hbench.protocols import Metric
from hbench.ranks import (
    found_of,
    needs_top,
    ranks_in_pool,
    relevant_pairs,
    speaks_of_ranks,
    unlisted,
    values_of,
    values_of_list,
)
from hbench.records import FloatArray, Int64Array
from hbench.settings import Component
from hbench.trecrun import read_run

ENDINGS = (".trec", ".trec.gz")
EXAMPLES = 3


@dataclass(frozen=True)
class OutsideRun:
    """A system that hbench did not run.

    Args:
        name: the file's stem or the folder's name.
        values: by metric (1, rows) values, aligned with the rows of all settings; NaN where absent.
        notes: what is noteworthy.
    """

    name: str
    values: Mapping[str, FloatArray]
    notes: Sequence[str]


@dataclass(frozen=True)
class Part:
    """The rows of one query language and pool in a setting.

    Args:
        component: query language and pool.
        index: (n,) the rows' places among those of all settings.
        query: (n,) their query numbers, ascending.
    """

    component: Component
    index: Int64Array
    query: Int64Array

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"{self.component.query_language} in {self.component.pool_name}"


@dataclass(frozen=True)
class Found:
    """What a file found for a part.

    Args:
        values: by metric (3, n), as ``values_of_list`` has them.
        unlisted: how many relevant passages are not listed.
        relevant: of how many.
        wider: whether the file searched more languages than the pool.
        lacking: the queries whose topics it lacks.
        empty: for how many queries it lists nothing in the pool.
    """

    values: Mapping[str, FloatArray]
    unlisted: int
    relevant: int
    wider: bool
    lacking: Int64Array
    empty: int


def values_of_run(
    path: Path, corpus: Corpus, settings: Mapping[str, Rows], metrics: Mapping[str, Metric]
) -> OutsideRun:
    """Score a run, or a folder of runs, one for each pool.

    Of a folder's files the one with the fewest languages serves a pool, among those that hold all
    of its languages and any of its topics. A topic that it lacks counts as found nothing.

    Args:
        path: the file or folder; of a folder, what ends in ``.trec`` or ``.trec.gz``.
        corpus: the dataset.
        settings: the rows of each setting.
        metrics: by their label.

    Raises:
        DataError: a file cannot be read, a line is malformed, or a topic lists a document twice.
        OptionError: a file holds ids that the dataset does not, or two of them serve one pool.
        PluginError: a metric breaks its contract.
    """
    pairs = relevant_pairs(corpus)
    by_top = [label for label, metric in metrics.items() if needs_top(metric)]
    depth = max((_depth(metrics[label]) for label in by_top), default=1)
    files = [Listed.of(read_run(file, corpus), corpus, pairs, depth) for file in _files(path)]
    size = sum(len(rows.index) for rows in settings.values())
    columns = {label: np.full((3, size), np.nan) for label in metrics}
    found: dict[str, list[Found]] = {}
    absent: dict[str, list[str]] = {}
    for setting, rows in settings.items():
        found[setting], absent[setting] = [], []
        for part in _parts(rows):
            file = _serving(part, files)
            if file is None:
                absent[setting].append(part.name)
                continue
            scored = _scored(part, file, corpus, metrics)
            found[setting].append(scored)
            for label, column in columns.items():
                column[:, part.index] = scored.values[label]
    by_rank = [label for label, column in columns.items() if speaks_of_ranks(column)]
    if not any(found.values()):
        raise OptionError(
            f"--run {path}: lists passages in {', '.join(sorted(_languages(files)))} only, and no "
            "pool of the evaluation is of these; give a run of whole pools"
        )
    values = {
        label: column[:1] if label in by_rank else found_of(column[-1:])
        for label, column in columns.items()
    }
    notes = [*_notes_on_files(files), *_notes_on_topics(found, settings)]
    for setting in settings:
        notes += _notes_on_pools(setting, found[setting], absent[setting])
        notes += _notes_on_relevant(setting, found[setting], by_rank, by_top)
    return OutsideRun(_name(path), values, notes)


def _languages(files: Sequence[Listed]) -> frozenset[str]:
    return frozenset(language for file in files for language in file.languages)


def _name(path: Path) -> str:
    name = path.resolve().name
    return name if path.is_dir() else Path(name.removesuffix(".gz")).stem


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS))
    if not found:
        raise OptionError(f"--run {path}: holds no file whose name ends in {' or '.join(ENDINGS)}")
    return found


def _parts(rows: Rows) -> Iterator[Part]:
    for number, (language, pool) in enumerate(rows.names):
        where = rows.component == number
        if where.any():
            component = Component(language, tuple(pool.split("+")))
            yield Part(component, rows.index[where], rows.query[where])


def _serving(part: Part, files: Sequence[Listed]) -> Listed | None:
    """The file that searched the pool, or the fewest languages around it."""
    pool = set(part.component.pool)
    fitting = [file for file in files if pool <= file.languages and file.asked[part.query].any()]
    fewest = min((len(file.languages) for file in fitting), default=0)
    best = [file for file in fitting if len(file.languages) == fewest]
    if len(best) > 1:
        first, second = (file.path for file in best[:2])
        raise OptionError(
            f"--run {first.parent}: {first.name} and {second.name} both serve {part.name}; "
            "keep one run for each pool in the folder"
        )
    return best[0] if best else None


def _scored(part: Part, file: Listed, corpus: Corpus, metrics: Mapping[str, Metric]) -> Found:
    """The values of all metrics, and what is to be said of them."""
    numbers, ranks = ranks_in_pool(corpus, file.beats, part.component) or (None, None)
    if numbers is None or ranks is None or not np.array_equal(numbers, part.query):
        raise StoreError(f"{corpus.folder}: holds other judgements than the scores; run again")
    first = file.top.in_pool(part.query, part.component, 1)
    empty = first.language[:, 0] < 0
    values = {}
    for label, metric in metrics.items():
        if needs_top(metric):
            top = file.top.in_pool(part.query, part.component, _depth(metric))
            values[label] = np.full((3, len(empty)), np.nan)
            if not empty.all():
                listed = replace(top, language=top.language[~empty])
                values[label][:, ~empty] = values_of(metric, label, listed)
        else:
            values[label] = values_of_list(metric, label, ranks)
    return Found(
        values,
        int(unlisted(ranks).sum()),
        int(ranks.relevant.sum()),
        len(file.languages) > len(part.component.pool),
        part.query[~file.asked[part.query]],
        int(empty.sum()),
    )


def _depth(metric: Metric) -> int:
    """How many first passages a metric asks for."""
    depth: int = metric.k  # type: ignore[attr-defined]
    return depth


def _notes_on_files(files: Sequence[Listed]) -> Iterator[str]:
    for file in files:
        if file.apart:
            yield (
                f"no topic of {file.path.name} lists passages of two languages, and it is taken "
                f"for a search of {len(file.languages)} languages together; searches of one "
                "language each belong in files of their own, in one folder"
            )


def _notes_on_topics(
    found: Mapping[str, Sequence[Found]], settings: Mapping[str, Rows]
) -> Iterator[str]:
    lacking = {int(q) for parts in found.values() for part in parts for q in part.lacking}
    asked = {int(q) for rows in settings.values() for q in rows.query}
    if lacking:
        yield f"{len(lacking)} of {len(asked)} topics are not in it: they count as found nothing"


def _notes_on_pools(setting: str, found: Sequence[Found], absent: Sequence[str]) -> Iterator[str]:
    if absent:
        names = ", ".join(absent[:EXAMPLES]) + (", ..." if len(absent) > EXAMPLES else "")
        yield (
            f"{setting}: {len(absent)} of {len(found) + len(absent)} combinations of query "
            f"language and pool are not in it ({names}); the tables leave them out for all methods"
        )
    if any(part.wider and part.unlisted for part in found):
        yield (
            f"{setting}: taken from lists over more languages, of which the pool's passages are "
            "kept; as the lists are cut off, a search of the pool alone may find more"
        )


def _notes_on_relevant(
    setting: str, found: Sequence[Found], by_rank: Sequence[str], by_top: Sequence[str]
) -> Iterator[str]:
    missing, relevant = (sum(getattr(p, name) for p in found) for name in ("unlisted", "relevant"))
    if missing:
        last = f", and for {', '.join(by_rank)} as last in the pool" if by_rank else ""
        yield (
            f"{setting}: {missing} of {relevant} relevant passages are not listed: they count as "
            f"not found{last}"
        )
    empty = sum(part.empty for part in found)
    if empty and by_top:
        labels = ", ".join(by_top)
        yield f"{setting}: {empty} lists hold nothing of the pool, so that {labels} is absent there"
