"""The jobs of one benchmark: what each method and evaluation needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hbench.errors import HBenchError
from hbench.jobs import DataJob, EncodeJob, FitJob, LeakageJob, RankJob, ScoreJob, TrainJob
from hbench.manifests import canonical
from hbench.matrix import Method, methods
from hbench.provenance import Hardware
from hbench.registry import Built, build
from hbench.settings import Component, components
from hbench.spec import Benchmark, Evaluation
from hbench.uses import UNTRAINED, PluginUse, SourceUse, TransformUse


@dataclass(frozen=True)
class BenchmarkPlan:
    """One benchmark's part of the plan.

    Args:
        name: of the benchmark.
        benchmark: its spec.
        methods: in the order of the spec.
        systems: for each method's name the training jobs by seed.
        scores: for each evaluation and method's name the scoring jobs by seed.
        leakage: for each evaluation what of it is in the training data, if there are such.
    """

    name: str
    benchmark: Benchmark
    methods: Sequence[Method]
    systems: Mapping[str, Mapping[int, TrainJob]]
    scores: Mapping[str, Mapping[str, Mapping[int, ScoreJob]]]
    leakage: Mapping[str, LeakageJob]


class Planner:
    """Collects the mistakes of all benchmarks while it plans them."""

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.mistakes: list[str] = []
        self._fingerprints: dict[str, str] = {}

    def benchmark(self, name: str, benchmark: Benchmark) -> BenchmarkPlan:
        """Plan one benchmark; what is wrong with its data is added to ``mistakes``."""
        all_methods = methods(benchmark)
        leakage = self._leakage(name, benchmark)
        drop = benchmark.train is not None and benchmark.train.leakage == "drop"
        without = tuple(leakage.values()) if drop else ()
        systems = {
            method.name: {job.seed: job for job in self._systems(name, benchmark, method, without)}
            for method in all_methods
        }
        self._check_distinct(name, all_methods, systems)
        scores: dict[str, dict[str, dict[int, ScoreJob]]] = {}
        for label, evaluation in benchmark.evaluate.items():
            place = f"{name}: evaluate.{label}"
            data = self._data(place, evaluation.data)
            settings = self._settings(place, evaluation, data)
            metrics = tuple(
                (m.label, build("metric", m.use, m.options)) for m in evaluation.metrics
            )
            scores[label] = {}
            for method in all_methods:
                transform = benchmark.transforms.get(method.axes.get("transform", ""))
                scores[label][method.name] = {
                    seed: ScoreJob(
                        self._ranks(place, benchmark, system, data, evaluation, transform),
                        settings,
                        metrics,
                    )
                    for seed, system in systems[method.name].items()
                }
        return BenchmarkPlan(name, benchmark, all_methods, systems, scores, leakage)

    def _leakage(self, name: str, benchmark: Benchmark) -> dict[str, LeakageJob]:
        """By evaluation, the comparison with all that is trained on, if anything is."""
        is_trained = any(use.use != UNTRAINED for use in benchmark.samplers.values())
        if benchmark.train is None or not is_trained:
            return {}
        sources = [
            self._data(f"{name}: train.data.{label}", source)
            for label, source in benchmark.train.data.items()
        ]
        names = list(benchmark.train.data)
        if benchmark.train.validation is not None:
            data = benchmark.train.validation.data
            sources.append(self._data(f"{name}: train.validation.data", data))
            names.append("the validation data")
        return {
            label: LeakageJob(
                tuple(sources),
                tuple(names),
                self._data(f"{name}: evaluate.{label}", evaluation.data),
            )
            for label, evaluation in benchmark.evaluate.items()
        }

    def _systems(
        self, name: str, benchmark: Benchmark, method: Method, without: tuple[LeakageJob, ...]
    ) -> Iterable[TrainJob]:
        encoder = _built("encoder", benchmark.encoders[method.axes["encoder"]])
        use = benchmark.samplers[method.axes["sampler"]]
        sampler = None if use.use == UNTRAINED else _built("sampler", use)
        objectives: list[tuple[float, Built]] = []
        if sampler is not None:
            chosen = benchmark.objectives[method.axes["objective"]]
            built = [_built("objective", part) for part in chosen.parts]
            objectives = list(zip(chosen.weights, built, strict=True))
        needs_data = sampler is not None or encoder.plugin.from_scratch
        sources: dict[str, DataJob] = {}
        uses: list[SourceUse] = []
        if needs_data and benchmark.train is None:
            self.mistakes.append(
                f"{name}: encoder {method.axes['encoder']!r} needs training texts for its "
                "tokenizer; add 'train' with 'data'"
            )
        if needs_data and benchmark.train is not None:
            for label, source in benchmark.train.data.items():
                sources[label] = self._data(f"{name}: train.data.{label}", source)
                uses.append(source)
        if sampler is not None and sampler.plugin.needs_parallel:
            self._check_parallel(f"{name}: sampler {method.axes['sampler']!r}", sources)
        training = benchmark.train if sampler is not None else None
        validation = None
        if training is not None and training.validation is not None:
            validation = self._data(f"{name}: train.validation.data", training.validation.data)
        place = f"{name}: encoder {method.axes['encoder']!r}"
        fingerprint = self._fingerprint(place, encoder)
        # An untrained pretrained encoder does not depend on the seed: one system stands for all.
        seeds = benchmark.seeds if sampler is not None or encoder.plugin.from_scratch else (0,)
        for seed in seeds:
            yield TrainJob(
                encoder=encoder,
                fingerprint=fingerprint,
                sampler=sampler,
                objectives=tuple(objectives),
                sources=tuple(sources.values()),
                weights=tuple(use.weight for use in uses),
                bounds=tuple(use.bounds for use in uses),
                training=training,
                validation=validation,
                seed=seed,
                hardware=self.hardware,
                without=without if needs_data else (),
                method=method.name,
            )

    def _ranks(
        self,
        place: str,
        benchmark: Benchmark,
        system: TrainJob,
        data: DataJob,
        evaluation: Evaluation,
        transform: TransformUse | None,
    ) -> RankJob:
        """The counts of a system on a dataset, with the method's transform."""
        vectors = self._vectors(system, data, evaluation)
        if transform is None or transform.use == UNTRAINED:
            return RankJob(vectors, evaluation.top_k, index=evaluation.index)
        sources = [transform.data] if transform.data else []
        if not sources and benchmark.train is not None:
            sources = list(benchmark.train.data.values())
        jobs = [self._data(f"{place}, transform {transform.use!r}", use) for use in sources]
        parallel = [job for job in jobs if job.dataset.plugin.parallel]
        if not parallel:
            self.mistakes.append(
                f"{place}: transform {transform.use!r} is fitted on parallel texts, and there are "
                "none; name some in its 'data'"
            )
        elif parallel[0].key == data.key:
            self.mistakes.append(
                f"{place}: transform {transform.use!r} is fitted on the very data that it is "
                "evaluated on; give it other data"
            )
        texts = (parallel or [data])[0]
        fit = FitJob(_built("transform", transform), self._vectors(system, texts, evaluation))
        return RankJob(vectors, evaluation.top_k, fit, evaluation.index)

    def _vectors(self, system: TrainJob, data: DataJob, evaluation: Evaluation) -> EncodeJob:
        precision = evaluation.precision_on(self.hardware.device)
        return EncodeJob(system, data, self.hardware, precision, evaluation.vectors)

    def _data(self, place: str, use: PluginUse) -> DataJob:
        dataset = _built("dataset", use)
        return DataJob(dataset, self._fingerprint(place, dataset))

    def _settings(
        self, place: str, evaluation: Evaluation, data: DataJob
    ) -> tuple[tuple[str, tuple[Component, ...]], ...]:
        dataset = data.dataset.plugin
        try:
            languages = dataset.languages()
            return tuple(
                (s.name, components(s.name, languages, parallel=dataset.parallel, pool=s.pool))
                for s in evaluation.settings
            )
        except HBenchError as error:  # a dataset that knows its languages only from its files
            self.mistakes.append(f"{place}: {error}")
            return ()

    def _check_distinct(
        self,
        name: str,
        all_methods: Sequence[Method],
        systems: Mapping[str, Mapping[int, TrainJob]],
    ) -> None:
        """No method may be another one under a second name: it would be tested against itself."""
        owners: dict[tuple[str, str], str] = {}
        for method in all_methods:
            for job in systems[method.name].values():
                mark = (job.key, method.axes.get("transform", ""))
                owner = owners.setdefault(mark, method.name)
                if owner != method.name:
                    self.mistakes.append(
                        f"{name}: the methods {owner!r} and {method.name!r} are the same; "
                        "remove one"
                    )

    def _check_parallel(self, place: str, sources: Mapping[str, DataJob]) -> None:
        if not any(map(_is_parallel, sources.values())):
            self.mistakes.append(
                f"{place} pairs a query with a passage of another language, and none of the "
                f"training data ({', '.join(sources)}) is parallel; use a monolingual sampler or "
                "add parallel data"
            )

    def _fingerprint(self, place: str, built: Built) -> str:
        """A plugin's fingerprint, taken once for the same options: it may read gigabytes."""
        mark = canonical([built.entry.kind, built.entry.name, built.options])
        try:
            if mark not in self._fingerprints:
                self._fingerprints[mark] = built.plugin.fingerprint()
        except HBenchError as error:
            self.mistakes.append(f"{place}: {error}")
        return self._fingerprints.get(mark, "")


def _is_parallel(job: DataJob) -> bool:
    """Whether a dataset is parallel in two languages or more, as far as that is known."""
    if not job.dataset.plugin.parallel:
        return False
    try:
        return len(job.dataset.plugin.languages()) > 1
    except HBenchError:
        return True  # that it is not there is said already


def _built(kind: Any, use: PluginUse) -> Built:  # noqa: ANN401
    return build(kind, use.use, use.options)
