"""The model card of an exported system: ``README.md`` in its folder, as model hubs show it.

What is measured is told of this one model and of its method over all seeds, and which is which.
Names and texts of specs and data are escaped; what is not is our own.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from hbench.drawn import languages_drawn
from hbench.errors import HBenchError
from hbench.evaluated import Evaluated, scores_file
from hbench.exporter import Card, System
from hbench.manifests import canonical, read_manifest
from hbench.page import about
from hbench.page.words import several
from hbench.registry import build
from hbench.stages import compare, report
from hbench.statistics import Scores, estimates
from hbench.tables import ARROWS
from hbench.wording import escaped

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData
    from jinja2 import Environment

PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")  # a hub id and its commit
TAGS = ("sentence-transformers", "sentence-similarity", "feature-extraction", "hbench")
SETTINGS = {
    "mono": "questions against the passages of their own language.",
    "cross": "questions against the passages of one other language, over all pairs of languages.",
    "multi": "questions against the passages of all languages at once.",
    "pair": "questions against the passages of English and one other language.",
}
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Args:
        dataset: the evaluation's name.
        setting: its name.
        metric: its label.
        direction: which direction is better.
        own: mean, low and high of this model; the bounds are None where they are not known.
        method: the method's row of ``compare.json``.
    """

    dataset: str
    setting: str
    metric: str
    direction: str
    own: tuple[float, float | None, float | None]
    method: Facts


def model_card(system: System) -> Card:
    """The card of a system.

    Raises:
        StoreError: scores or a manifest are damaged.
    """
    resolved, root = system.resolved, system.store.root
    comparison = compare.run(resolved, root)
    absent = compare.missing(resolved, root)
    (method,) = [m for m in resolved["methods"] if m["name"] == system.method]
    place = method["systems"][system.seed]
    manifest = read_manifest(root / place["folder"])
    told = report.run(_seen(resolved, manifest), comparison, (), absent, root)
    alone = {**method, "systems": {system.seed: place}}
    trained_in = sorted(languages_drawn({**resolved, "methods": [alone]}, root))
    cells = [cell for settings in told.cells.values() for own in settings.values() for cell in own]
    figures = list(_figures(system, method, comparison))
    transforms = _transforms(system)
    legend, unknown = _legend(resolved, figures)
    base = PINNED.fullmatch(manifest["inputs"]["fingerprint"])
    values = {
        "system": system,
        "name": str(system) if method["seeded"] else system.method,
        "told": told,
        "seeded": method["seeded"],
        "seeds": max((figure.method["seeds"] for figure in figures), default=0),
        "percent": f"{100 * (1 - comparison['family']['alpha']):g}",
        "inputs": manifest["inputs"],
        "detail": manifest["detail"],
        "made": manifest["provenance"],
        "base": base and base.groups(),
        "trained_in": trained_in,
        "evaluated_in": sorted({query for query, _ in cells}),
        "figures": figures,
        "legend": legend,
        "transforms": transforms,
        "absent": [what for what in absent if what.startswith(f"{system} ")],
        "others": _distributions(manifest),
        "specification": about.specification(told),
        "command": about.command(told),
        "again": _again(system),
    }
    data = _metadata(values, [] if transforms else figures)
    text = _environment().get_template("card.md.jinja").render(values)
    return Card(f"---\n{data.to_yaml()}\n---\n{text}", [*told.gaps, *unknown])


def _seen(resolved: Facts, manifest: Facts) -> Facts:
    """The benchmark of this model: training data that leaks tells nothing of an untrained one."""
    if manifest["inputs"]["sampler"]:
        return resolved
    evaluations = {name: {**e, "leakage": None} for name, e in resolved["evaluations"].items()}
    return {**resolved, "evaluations": evaluations}


def _figures(system: System, method: Facts, comparison: Facts) -> Iterator[Figure]:
    """What was measured of a system, in the order of the tables."""
    rows = {
        (t["dataset"], t["setting"], t["metric"]): row
        for t in comparison["tables"]
        for row in t["rows"]
        if row["method"] == system.method
    }
    root, alpha = system.store.root, comparison["family"]["alpha"]
    for dataset, evaluation in system.resolved["evaluations"].items():
        there = [
            seed
            for seed in method["systems"]
            if scores_file(evaluation, system.method, seed, root) is not None
        ]
        if system.seed not in there:
            continue
        evaluated = Evaluated.read(system.resolved["methods"], evaluation, root)
        for setting in evaluation["settings"]:
            for metric, facts in evaluation["metrics"].items():
                _, scores = evaluated.scores(setting, metric)
                if system.method in scores:
                    own = _of_one_seed(scores[system.method], there.index(system.seed), alpha)
                    row = rows[dataset, setting, metric]
                    yield Figure(dataset, setting, metric, facts["direction"], own, row)


def _of_one_seed(
    scores: Scores, index: int, alpha: float
) -> tuple[float, float | None, float | None]:
    """Mean, low and high of one seed's model, which is fixed: the interval is over questions."""
    own = Scores(scores.values[[index]], scores.component, scores.cluster, trained=False)
    ((found,), _) = estimates([own], alpha)
    return found.value, found.low, found.high


def _legend(resolved: Facts, figures: Sequence[Figure]) -> tuple[list[tuple[str, str]], list[str]]:
    """What the settings and metrics are, in a sentence each; and what could not be told.

    What two evaluations define differently is told for each, with their names.
    """
    evaluations, gaps = resolved["evaluations"], list[str]()
    told = [(f.setting, _setting(evaluations[f.dataset], f.setting), f.dataset) for f in figures]
    told += [
        (f.metric, _metric(f.metric, evaluations[f.dataset]["metrics"][f.metric], gaps), f.dataset)
        for f in figures
    ]
    found: dict[tuple[str, str], dict[str, None]] = {}
    for name, meaning, dataset in told:
        if meaning:
            found.setdefault((name, meaning), {})[dataset] = None
    count = Counter(name for name, _ in found)
    legend = [
        (name if count[name] == 1 else f"{name} ({', '.join(datasets)})", meaning)
        for (name, meaning), datasets in found.items()
    ]
    return legend, list(dict.fromkeys(gaps))


def _setting(evaluation: Facts, name: str) -> str:
    if name in SETTINGS:
        return SETTINGS[name]
    queries, pools = (
        ", ".join(dict.fromkeys(c)) for c in zip(*evaluation["settings"][name], strict=True)
    )
    return f"questions in {queries} against the passages of {pools}."


def _metric(label: str, use: Facts, gaps: list[str]) -> str:
    try:
        plugin = build("metric", use["use"], use["options"]).plugin
    except HBenchError as error:
        gaps.append(f"{label}: what it is cannot be told: {error}")
        return ""
    return (getdoc(plugin) or "").partition("\n\n")[0].replace("``", "")


def _transforms(system: System) -> list[str]:
    """What was done to the vectors before they were ranked; the saved model does not do it."""
    scores = [evaluation["scores"] for evaluation in system.resolved["evaluations"].values()]
    found = [own[system.method][system.seed].get("transform") for own in scores]
    return list(dict.fromkeys(_plugin(transform) for transform in found if transform))


def _distributions(manifest: Facts) -> list[str]:
    """The packages besides hbench that the plugins come from."""
    found = {(p["distribution"], p["distribution_version"]) for p in manifest["plugins"]}
    return sorted(" ".join(each) for each in found if each[0] != "hbench")


def _again(system: System) -> str:
    """The command that exports the system, once the benchmark was computed."""
    seed = ["--seed", system.seed] if system.seed != "0" else []
    words = [system.resolved["benchmark"], system.method, *seed, "--to", "DIR"]
    return shlex.join(["hbench", "export", *words])


def _metadata(values: Facts, figures: Sequence[Figure]) -> "ModelCardData":
    """What a hub searches and sorts by; the figures are those of this model."""
    from huggingface_hub import EvalResult, ModelCardData

    tags = sorted({*values["trained_in"], *values["evaluated_in"]})
    base = {"base_model": values["base"][0]} if values["base"] else {}
    languages = list(dict.fromkeys(tag.split("-")[0] for tag in tags))  # ISO 639, as hubs ask for
    results = [
        EvalResult(
            task_type="information-retrieval",
            task_name="Information Retrieval",
            dataset_type="unknown",  # else a hub takes it for the name of a data set of its own
            dataset_name=f"{figure.dataset}, {figure.setting}",
            dataset_config=f"{figure.dataset}, {figure.setting}",
            metric_type=figure.metric,
            metric_name=figure.metric,
            metric_value=figure.own[0],
        )
        for figure in figures
    ]
    return ModelCardData(
        **base,
        language=languages or None,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=[*TAGS, *(["multilingual"] if len(languages) > 1 else [])],
        model_name=f"{values['told'].benchmark}: {values['name']}",
        eval_results=results or None,
    )


def _plugin(identity: Facts) -> str:
    """A plugin and the options that say something, as ``hybrid (alpha 0.5)``."""
    options = [
        f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in identity["options"].items()
        if value not in (None, "", [], {})
    ]
    return f"{identity['use']} ({', '.join(options)})" if options else str(identity["use"])


def _given(use: Facts) -> str:
    """A dataset as the spec has it."""
    return _plugin({"use": use["use"], "options": {k: v for k, v in use.items() if k != "use"}})


def _value(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)


def _interval(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None:
        return "–"
    return f"{mean:.3f}" + (f" [{low:.3f}, {high:.3f}]" if low is not None else "")


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, an underscore at the end of a word too."""
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", escaped(text))


def _fenced(text: str, language: str) -> object:
    """A block of code that nothing inside it can end."""
    from markupsafe import Markup

    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}{language}\n{text.rstrip()}\n{fence}")


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("hbench"),
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else _plain(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plugin": _plugin, "given": _given, "fenced": _fenced, "value": _value}
    environment.globals |= {"several": several, "interval": _interval, "arrows": ARROWS}
    return environment
