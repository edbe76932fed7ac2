"""What a finished system leaves to other programs: its model, TREC runs and their judgements.

Reads a benchmark's ``resolved.json`` and what lies in the results folder; needs neither the spec
file nor the encoder's plugin, and computes no vectors.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from hbench.corpus import Corpus
from hbench.errors import OptionError, StoreError, did_you_mean, shown
from hbench.manifests import is_complete, is_intact, key_of, read_manifest
from hbench.pools import ReadVectors
from hbench.provenance import Hardware
from hbench.registry import build
from hbench.settings import Component
from hbench.site import prepare_torch
from hbench.stages import export as stage
from hbench.stages import fit
from hbench.store import Store, slug
from hbench.vectors import StoredRows, shard_inputs, transformed

CARD = "README.md"  # where model hubs and sentence-transformers look for it


@dataclass(frozen=True)
class Card:
    """A model card.

    Args:
        text: Markdown, after YAML front matter.
        notes: what it could not tell, in words.
    """

    text: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Choice:
    """What to export of a benchmark.

    Args:
        method: its name.
        seed: of the system; None takes the method's first.
        dataset: the name of an evaluation; None takes all.
        depth: passages for each query.
        index: a string for faiss's ``index_factory``; None searches exactly.
    """

    method: str
    seed: int | None = None
    dataset: str | None = None
    depth: int = 100
    index: str | None = None


def export(
    resolved: Mapping[str, Any],
    choice: Choice,
    store: Store,
    hardware: Hardware,
    target: Path,
    tell: Callable[[str], None],
    describe: "Callable[[System], Card]",
) -> list[str]:
    """Write ``model/``, ``trec/<dataset>/`` and ``export.json`` into a folder, or nothing at all.

    Args:
        resolved: the benchmark's ``resolved.json``.
        choice: what of it.
        store: the results folder.
        hardware: what to search on.
        target: where to write; absent, or an empty folder.
        tell: is given a line when a pool is done, and what is noteworthy.
        describe: gives the system's model card.

    Returns:
        What there is now, in lines for people.

    Raises:
        OptionError: there is no such method, seed, dataset or index, or the target holds something.
        StoreError: what is to be exported is not there, or the target cannot be written.
    """
    system = chosen_system(resolved, choice, store)
    names = list(resolved["evaluations"]) if choice.dataset is None else [choice.dataset]
    rankings = {name: system.ranking(name) for name in names}
    model = system.model()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OptionError(f"--to {target}: is not an empty folder; give a new one")
    how = f"approximate-{choice.index}" if choice.index else "exact"
    tag = stage.spelled(f"hbench-{system.method}-s{system.seed}-{how}")
    card = describe(system)
    prepare_torch(hardware)
    request = stage.Request(
        choice.depth, tag, choice.index, device=hardware.device, threads=hardware.threads
    )
    with _filled(target) as folder:
        shutil.copytree(model, folder / "model")
        (folder / "model" / CARD).write_text(card.text, encoding="utf-8")
        lines = [f"{target / 'model'}: {system}, for SentenceTransformer, with a model card"]
        runs: dict[str, Any] = {}
        for name, ranking in rankings.items():
            place = folder / "trec" / slug(name)
            place.mkdir(parents=True)
            runs[name] = []
            for pool in stage.run(ranking, request, place):
                runs[name].append(asdict(pool))
                tell(f"{name}: {pool.queries:,} queries in {pool.name}")
            lines.append(f"{target / 'trec' / slug(name)}: {_described(choice, runs[name])}")
        facts = {"benchmark": resolved["benchmark"], **asdict(choice), "seed": int(system.seed)}
        text = json.dumps({**facts, "tag": tag, "runs": runs}, indent=1, ensure_ascii=False)
        (folder / "export.json").write_text(f"{text}\n", encoding="utf-8")
    for note in [*card.notes, *_replaced(model, target)]:
        tell(f"note: {note}")
    return lines


def _replaced(model: Path, target: Path) -> Iterator[str]:
    """Says that the card took the place of a file that the encoder saved."""
    if (model / CARD).exists():
        yield f"{target / 'model' / CARD} is the model card; the encoder's own is {model / CARD}"


def _check_links(model: Path) -> None:
    """Refuse a model that holds links to elsewhere: what they lead to would be handed on."""
    inside = model.parent.resolve() / model.name
    for path in model.rglob("*"):
        if not path.resolve().is_relative_to(inside):
            raise StoreError(f"{path}: leads to {path.resolve()}, which would be exported, and is "
                             "no part of the model; put the file itself there")  # fmt: skip


def _described(choice: Choice, pools: Sequence[Mapping[str, Any]]) -> str:
    """What the runs of a dataset are."""
    text = f"{len(pools)} runs, each with its judgements, of depth {choice.depth}"
    if choice.index is None:
        return f"{text}, exact"
    recall = sum(pool["recall"] for pool in pools) / max(1, len(pools))
    return f"{text}, approximate ({choice.index}), recall {recall:.3f} of the exact search"


def chosen_system(resolved: Mapping[str, Any], choice: Choice, store: Store) -> "System":
    """The system that was chosen.

    Raises:
        OptionError: there is no such method, seed or dataset.
    """
    methods = {method["name"]: method["systems"] for method in resolved["methods"]}
    systems = methods.get(choice.method)
    if systems is None:
        benchmark = resolved["benchmark"]
        raise OptionError(
            f"{benchmark}: no method {choice.method!r}: {did_you_mean(choice.method, methods)}"
        )
    seed = next(iter(systems)) if choice.seed is None else str(choice.seed)
    if seed not in systems:
        raise OptionError(f"--seed {seed}: {choice.method} has the seeds {', '.join(systems)}")
    evaluations = resolved["evaluations"]
    if choice.dataset is not None and choice.dataset not in evaluations:
        near = did_you_mean(choice.dataset, evaluations)
        raise OptionError(f"--dataset {choice.dataset}: {near}")
    return System(resolved, store, choice.method, seed)


@dataclass(frozen=True)
class System:
    """A system of a benchmark, as its ``resolved.json`` knows it."""

    resolved: Mapping[str, Any]
    store: Store
    method: str
    seed: str

    def __str__(self) -> str:
        return f"{self.method} (seed {self.seed})"

    def model(self) -> Path:
        """The folder of the model.

        Raises:
            StoreError: it is not there.
        """
        systems = {method["name"]: method["systems"] for method in self.resolved["methods"]}
        entry = systems[self.method][self.seed]
        folder = self._place(entry)
        if read_manifest(folder).get("key") != entry["key"]:
            raise StoreError(f"{folder}: no model of {self}; make it with `{self._run()}`")
        if not is_intact(folder):
            aside = f"hbench check --set-aside{self._results}"  # leaves what is in `eval`
            raise StoreError(f"{folder}: the model of {self} is damaged; move it away with "
                             f"`{aside}`, then make it anew with `{self._run()}`")  # fmt: skip
        _check_links(folder / "model")
        return folder / "model"

    def ranking(self, dataset: str) -> stage.Ranking:
        """What ranks the passages of a dataset.

        Raises:
            StoreError: scores, vectors or the dataset are not there.
        """
        evaluation = self.resolved["evaluations"][dataset]
        entry = evaluation["scores"][self.method][self.seed]
        scores = self._place(entry)
        manifest = read_manifest(scores)
        is_scored = manifest.get("key") == entry["key"] and "scores" in manifest
        if not (is_scored and "vectors" in entry):
            raise StoreError(
                f"{scores}: no scores of {self} on {dataset}; make them with `{self._run()}`"
            )
        use = self.resolved["spec"]["evaluate"][dataset]["data"]["use"]
        data = self.store.data(use, evaluation["data"])
        self._check([data], dataset, scores)
        corpus = Corpus(data)
        inputs = [shard_inputs(entry["vectors"], shard) for shard in corpus.shards]
        folders = [self.store.vectors(key_of(each)) for each in inputs]
        transform = entry["transform"]
        fitted = [self._place(transform)] if transform else []
        self._check([*folders, *fitted], dataset, scores)
        settings = {
            name: [Component(language, tuple(pool.split("+"))) for language, pool in parts]
            for name, parts in evaluation["settings"].items()
        }
        return stage.Ranking(corpus, self._read(corpus, folders, transform), settings)

    def _place(self, entry: Mapping[str, Any]) -> Path:
        """The folder of an entry; a results folder may be anybody's, and name any place."""
        name = str(entry["folder"])
        if Path(name).is_absolute() or ".." in Path(name).parts:
            place = self.store.benchmark(self.resolved["benchmark"])
            raise StoreError(f"{place}: names the folder {shown(name)}, outside of the results; "
                             f"run the benchmark anew: `{self._run()}`")  # fmt: skip
        return self.store.root / name

    def _check(self, needed: Sequence[Path], dataset: str, scores: Path) -> None:
        """Whether folders are whole.

        Raises:
            StoreError: one is not.
        """
        broken = [folder for folder in needed if not (is_complete(folder) and is_intact(folder))]
        if broken:
            # A run makes no vectors while there are scores, and leaves what has a manifest.
            command = self._run(scores, *broken)
            raise StoreError(
                f"{broken[0]}: what ranks {dataset} by {self} is no longer there or damaged; make "
                f"it again with `{command}`"
            )

    def _read(
        self, corpus: Corpus, folders: Sequence[Path], transform: Mapping[str, Any] | None
    ) -> ReadVectors:
        """Reads the vectors that the system is ranked by."""
        read = partial(StoredRows.of, corpus, folders)
        if transform is None:
            return read
        plugin = build("transform", transform["use"], transform["options"]).plugin
        fitted = fit.read_fitted(self._place(transform))
        return transformed(read, plugin, fitted)

    def _run(self, *without: Path) -> str:
        """The command that makes what is missing, once some folders are gone."""
        there = [quote(str(folder)) for folder in without if folder.exists()]
        remove = f"rm -r {' '.join(there)} && " if there else ""
        return f"{remove}hbench run FILE --only {quote(self.resolved['benchmark'])}{self._results}"

    @property
    def _results(self) -> str:
        root = self.store.root
        return "" if root == Path("results") else f" --results {quote(str(root))}"


@contextmanager
def _filled(target: Path) -> Iterator[Path]:
    """A folder to fill, whose files lie in the target in the end; of a failure nothing remains."""
    try:
        is_new = not target.exists()
        target.mkdir(parents=True, exist_ok=True)
        try:
            with TemporaryDirectory(dir=target, prefix=".unfinished-") as scratch:
                yield Path(scratch)
                for path in sorted(Path(scratch).iterdir()):
                    path.rename(target / path.name)
        except BaseException:
            if is_new:
                with suppress(OSError):
                    target.rmdir()
            raise
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error}); give another --to") from error
