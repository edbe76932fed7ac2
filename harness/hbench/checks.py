"""Whether the stored data can serve what a plan asks of it; known before anything is trained."""

from collections.abc import Sequence

import numpy as np

from hbench.corpus import Corpus, taken
from hbench.errors import DataError
from hbench.jobs import RankJob, ScoreJob
from hbench.manifests import read_manifest
from hbench.overlap import leaks, told
from hbench.plan import Plan
from hbench.planner import BenchmarkPlan
from hbench.settings import Component
from hbench.stages.fit import parallel_passages
from hbench.store import Store


def check_data(plan: Plan, store: Store) -> None:
    """Check every evaluation that is still to be scored, as far as its data is stored.

    Raises:
        DataError: a query language has no relevant passage in a pool; data that is not parallel is
            asked to rank translations that nobody judged; a metric cuts off below the end of a
            pool; a transform would be fitted on texts that it is evaluated on; training data holds
            texts of an evaluation, and the spec says that this is an error.
    """
    for part in plan.benchmarks:
        if part.benchmark.train is not None and part.benchmark.train.leakage == "error":
            _check_leakage(part, store)
        for name, scores in part.scores.items():
            place = f"{part.name}: evaluate.{name}"
            jobs = [job for by_seed in scores.values() for job in by_seed.values()]
            waiting = [job for job in jobs if job in plan.todo]
            if not waiting or not waiting[0].rank.vectors.data.is_done(store):
                continue
            corpus = Corpus(waiting[0].rank.vectors.data.folder(store))
            for setting, parts in waiting[0].settings:
                _check_components(place, setting, parts, corpus)
            _check_cutoffs(place, waiting[0], corpus)
            fits = {job.rank.fit.vectors.data.key: job.rank for job in waiting if job.rank.fit}
            for rank in fits.values():
                _check_fit(place, rank, corpus, store)


def _check_leakage(part: BenchmarkPlan, store: Store) -> None:
    for name, job in part.leakage.items():
        detail = read_manifest(job.folder(store)).get("detail") if job.is_done(store) else None
        if detail and leaks(detail):
            examples = [*detail["queries"]["examples"], *detail["passages"]["examples"]]
            raise DataError(
                f"{part.name}: evaluate.{name}: {told(detail)}; the first is {examples[0][:60]!r}; "
                "train on other data, or set train.leakage to warn or drop"
            )


def _check_components(place: str, setting: str, parts: Sequence[Component], corpus: Corpus) -> None:
    answered = corpus.answered()
    asked = dict(zip(corpus.languages, np.diff(corpus.query_offsets).tolist(), strict=True))
    served = [component for component in parts if asked[component.query_language]]
    if not served:
        raise DataError(f"{place}: setting {setting!r} has no queries: there are only such in "
                        f"{', '.join(name for name, count in asked.items() if count)}")  # fmt: skip
    for component in served:
        query = corpus.languages.index(component.query_language)
        counts = {name: answered[query, corpus.languages.index(name)] for name in component.pool}
        empty = sorted(name for name, count in counts.items() if not count)
        if len(empty) == len(counts) or (empty and not corpus.parallel):
            why = "" if corpus.parallel else " (and the data is not parallel)"
            raise DataError(
                f"{place}: setting {setting!r} ranks queries in {component.query_language!r} "
                f"against passages in {component.pool_name}, and none of these queries has a "
                f"relevant passage in {', '.join(empty)}{why}; leave the setting out, or name a "
                "pool that is judged"
            )


def _check_cutoffs(place: str, job: ScoreJob, corpus: Corpus) -> None:
    """A metric's k may not exceed a pool: its value would say nothing of the ranking."""
    sizes = dict(zip(corpus.languages, np.diff(corpus.passage_offsets).tolist(), strict=True))
    pools = [(setting, part) for setting, parts in job.settings for part in parts]
    setting, part = min(pools, key=lambda pool: sum(sizes[name] for name in pool[1].pool))
    least = sum(sizes[name] for name in part.pool)
    for label, metric in job.metrics:
        cutoff = getattr(metric.plugin, "k", None)
        if cutoff is not None and cutoff > least:
            raise DataError(
                f"{place}: metric {label!r} looks at the first {cutoff} passages, and the pool "
                f"{part.pool_name} of setting {setting!r} has {least}; choose a smaller k"
            )


def _check_fit(place: str, job: RankJob, corpus: Corpus, store: Store) -> None:
    """A transform that has seen the evaluation's passages would be judged on what it learned."""
    import pyarrow.compute as pc

    if job.fit is None or not job.fit.vectors.data.is_done(store):
        return
    texts = Corpus(job.fit.vectors.data.folder(store))
    rows = parallel_passages(texts)
    for name in sorted(set(corpus.languages) & set(texts.languages)):
        fitted_on = rows[:, texts.languages.index(name)]
        learned = taken(texts.table(f"passages-{name}")["text"], fitted_on).combine_chunks()
        tested = corpus.table(f"passages-{name}")["text"]
        shared = tested.filter(pc.is_in(tested, value_set=learned))
        if len(shared):
            raise DataError(
                f"{place}: transform {job.fit.transform.entry.name!r} would be fitted on "
                f"{len(shared):,} passages in {name!r} that it is evaluated on, the first is "
                f"{shared[0].as_py()[:60]!r}; give it other texts in its 'data'"
            )
