"""What a page says about a benchmark besides its figures: cost, where it ran, how to cite it."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from hbench import latex
from hbench.page.words import clean, several
from hbench.tables import ABSENT

if TYPE_CHECKING:
    from hbench.stages.report import System, Told

NAMED = 3  # systems of a value that are named; the others are counted


@dataclass(frozen=True)
class Cost:
    """What the trainings of a method cost; each in words, over its seeds.

    Args:
        method: its name.
        systems: how many were trained.
        parameters: of its model.
        steps: of training.
        time: wall time of a training.
        speed: tokens per second, the median over a training's log.
        share: of the device's peak arithmetic, likewise.
        device: where it was trained.
        precision: of the arithmetic.
    """

    method: str
    systems: int
    parameters: str
    steps: str
    time: str
    speed: str
    share: str
    device: str
    precision: str


def training_notes(systems: Sequence["System"]) -> list[tuple[str, str]]:
    """What trainings noticed, each with the methods that did."""
    found: dict[str, list[str]] = {}
    for system in systems:
        if first := system.detail.get("first_step"):
            note = f"went on from step {first:,}, and its time is that since then"
            found.setdefault(note, []).append(f"{system.method} (seed {system.seed})")
        for note in system.detail.get("notes", ()):
            found.setdefault(note, []).append(system.method)
    return [(_places(list(dict.fromkeys(methods))), note) for note, methods in found.items()]


def costs(systems: Sequence["System"]) -> list[Cost]:
    """The cost of each method, in the order of the systems."""
    by_method: dict[str, list[System]] = {}
    for system in systems:
        by_method.setdefault(system.method, []).append(system)
    return [_cost(method, own) for method, own in by_method.items()]


def _cost(method: str, systems: Sequence["System"]) -> Cost:
    details = [system.detail for system in systems]
    trained = [detail for detail in details if "steps" in detail]
    logs = [system.log for system in systems]
    return Cost(
        method,
        len(trained),
        _spread([detail["parameters"] for detail in details if "parameters" in detail], _millions),
        _spread([detail["steps"] for detail in trained], "{:,.0f}".format),
        _spread([detail["seconds"] for detail in trained if "seconds" in detail], _duration),
        _spread(_medians(logs, "tokens_per_second"), "{:,.0f}".format),
        _spread(_medians(logs, "share_of_peak"), _percent),
        _distinct(_device(system) for system in systems if system.device),
        _distinct(detail["precision"] for detail in details if "precision" in detail),
    )


def _medians(logs: Sequence[Sequence[Mapping[str, Any]]], name: str) -> list[float]:
    values = [[point[name] for point in log if name in point] for log in logs]
    return [median(own) for own in values if own]


def _spread(values: Sequence[float], show: Any) -> str:  # noqa: ANN401 - a function of one number
    """The mean, and if they differ as shown the least and the largest."""
    if not values:
        return ABSENT
    low, middle, high = (show(value) for value in (min(values), mean(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _millions(count: float) -> str:
    return f"{count / 1e6:,.2f} M"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _duration(seconds: float) -> str:
    """Seconds, minutes or hours.

    >>> _duration(8.675), _duration(600), _duration(9000)
    ('8.7 s', '10.0 min', '2.5 h')
    """
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _device(system: "System") -> str:
    count = system.detail.get("processes", 1)
    return system.device + (f" × {count}" if count > 1 else "")


def _distinct(values: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(values)) or ABSENT


def claimed(told: "Told") -> list[dict[str, Any]]:
    """The claims with their verdicts, and ``about``: by which figure each is judged."""
    specified = told.spec.get("claims", ())
    return [
        {**claim, "about": ", ".join(_about(given))}
        for claim, given in zip(told.claims, specified, strict=True)
    ]


def _about(claim: Mapping[str, Any]) -> Iterator[str]:
    for name in ("metric", "setting"):
        if name in claim:
            yield str(claim[name])
    if claim.get("by"):
        yield f"by {claim['by']}"
    if claim.get("margin"):
        yield f"margin {claim['margin']:g}"


@dataclass(frozen=True)
class Fact:
    """A version or a device: its values, each with where it held if there are several."""

    name: str
    values: Sequence[tuple[str, str]]

    @property
    def several(self) -> bool:
        """Whether jobs differ in it."""
        return len(self.values) > 1


def surroundings(told: "Told") -> list[Fact]:
    """Where and with what the jobs ran."""
    return [
        Fact(
            name,
            [
                (value, _places(places) if len(values) > 1 else "")
                for value, places in values.items()
            ],
        )
        for name, values in told.surroundings.items()
    ]


def _places(places: Sequence[str]) -> str:
    more = len(places) - NAMED
    named = ", ".join(places[:NAMED])
    return f"{named} and {several(more, 'other')}" if more > 0 else named


def specification(told: "Told") -> str:
    """A benchmark file with every default written out, which `hbench run` takes."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    text = StringIO()
    yaml.dump({"version": 1, "benchmarks": {told.benchmark: dict(told.spec)}}, text)
    return text.getvalue()


def command(told: "Told") -> str:
    """What computes the benchmark again from its specification, saved as a file."""
    held = {name: list(values) for name, values in told.surroundings.items()}
    devices, threads, processes = (
        held.get(name, []) for name in ("device", "threads", "processes")
    )
    name = re.sub(r"[^\w.-]+", "-", told.benchmark)
    words = ["hbench", "run", f"{name}.yaml", "--only", clean(told.benchmark)]
    if len(processes) == 1 and processes != ["1"]:
        words = ["torchrun", "--no-python", "--nproc-per-node", processes[0], *words]
    if len(devices) == 1:
        words += ["--device", devices[0].partition(":")[0]]
    line = shlex.join(words)
    is_on_cpu = devices == ["cpu"] and len(threads) == 1
    return f"OMP_NUM_THREADS={threads[0]} {line}" if is_on_cpu else line


def bibtex(told: "Told") -> str:
    """An entry for a list of references."""
    key = re.sub(r"[^A-Za-z0-9-]+", "-", told.benchmark).strip("-") or "benchmark"
    name, version = (latex.text(clean(text)) for text in (told.benchmark, told.version))
    return "\n".join(
        [
            f"@misc{{hbench-{key}-{told.fingerprint[:8]},",
            f"  title        = {{{{Benchmark {name}}}}},",
            f"  howpublished = {{Computed by hbench {version}}},",
            f"  note         = {{Fingerprint {told.fingerprint}}},",
            "}",
        ]
    )
