"""The figures of a report: loss curves, language bias, and monolingual against multilingual."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hbench.page.drawing import Look, Picture, legend_columns, legend_height, looks
from hbench.page.heat import headlines
from hbench.page.words import clean
from hbench.settings import MACRO
from hbench.store import slug
from hbench.tables import ARROWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hbench.stages.report import System

CROWDED = 1000  # from here on a logarithmic scale has marks at powers of ten alone
WIDE = 20  # a largest value of so many times the smallest is drawn on a logarithmic scale
MARKS = 6  # at most, on a horizontal axis: they must not touch on a phone
MARKED = 5  # points of a curve that have a marker, so that it is known without colour
Entry = Mapping[str, Any]
Points = Mapping[str, Mapping[str, float]]  # by method and query language


def bias(entry: Entry, cells: Mapping[str, Mapping[str, Any]]) -> Iterator[Picture]:
    """By query language, each metric of what several languages in one pool do to each other.

    These are the metrics of which less is better, and those that no pool of one language has.
    """
    for dataset, settings in cells.items():
        pools = dict(settings.get("multi", ()))
        directions = {
            table["metric"]: table["direction"]
            for table in entry["tables"]
            if table["dataset"] == dataset
        }
        for metric, direction in directions.items():
            found = [c for c in entry["matrix"] if (c["dataset"], c["metric"]) == (dataset, metric)]
            alone = any("+" not in c["pool"] and c["mean"] is not None for c in found)
            points: dict[str, dict[str, float]] = {}
            for cell in found:
                tag = cell["query_language"]
                is_asked = pools.get(tag) == cell["pool"] and "+" in cell["pool"]
                if is_asked and cell["mean"] is not None:
                    points.setdefault(clean(cell["method"]), {})[clean(tag)] = cell["mean"]
            if points and (direction == "lower" or not alone):
                yield _bias_picture(dataset, f"{metric} {ARROWS[direction]}", metric, points)


def _bias_picture(dataset: str, label: str, metric: str, points: Points) -> Picture:
    tags = sorted({tag for own in points.values() for tag in own})
    styles = looks(list(points))
    labels = [look.label for look in styles.values()]
    band = min(0.6, max(0.2, 0.055 * len(points)))  # inches for a language
    height = 0.7 + len(tags) * band + legend_height(labels)
    return Picture(
        name=slug(f"bias-{dataset}-{metric}"),
        title=f"{clean(label)} by query language, {clean(dataset)}, multi",
        caption="Each query language against the passages of all languages; mean over seeds.",
        height=height,
        texts=[clean(label), *tags, *labels],
        paint=partial(_paint_bias, clean(label), tags, points, styles),
    )


def _paint_bias(
    label: str, tags: Sequence[str], points: Points, styles: Mapping[str, Look], figure: "Figure"
) -> None:
    axes = figure.add_subplot()
    values = [value for own in points.values() for value in own.values()]
    for index, (method, own) in enumerate(points.items()):
        look = styles[method]
        shift = 0.6 * ((index + 0.5) / len(points) - 0.5)
        rows = [tags.index(tag) + shift for tag in own]
        axes.plot(list(own.values()), rows, look.marker, color=look.colour)
    if min(values) > 0 and max(values) > WIDE * min(values):
        _logarithmic(axes, max(values) / min(values))
        label = f"{label} (logarithmic scale)"
    else:
        axes.locator_params(axis="x", nbins=MARKS)
    axes.set_yticks(range(len(tags)), tags)
    axes.set_ylim(len(tags) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.set_ylabel("query language")
    _legend(figure, list(styles.values()))


def _logarithmic(axes: "Axes", span: float) -> None:
    """A logarithmic scale whose marks are plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < CROWDED else (1,)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def trade_off(entry: Entry) -> Iterator[Picture]:
    """The headline metric of each evaluation: monolingual against multilingual retrieval."""
    for dataset, headline in headlines(entry).items():
        metric = headline["metric"]
        by_setting = {
            table["setting"]: table["rows"]
            for table in entry["tables"]
            if (table["dataset"], table["metric"]) == (dataset, metric)
        }
        mono, multi = (by_setting.get(name, []) for name in (MACRO[0], MACRO[2]))
        points = [
            (clean(a["method"]), a, b)
            for a, b in zip(mono, multi, strict=False)
            if a["mean"] is not None and b["mean"] is not None
        ]
        if not points:
            continue
        styles = looks([method for method, _, _ in points])
        labels = [look.label for look in styles.values()]
        label = clean(f"{metric} {ARROWS[headline['direction']]}")
        yield Picture(
            name=slug(f"mono-multi-{dataset}"),
            title=f"{label}: monolingual against multilingual retrieval, {clean(dataset)}",
            caption="Bars are the intervals of the tables.",
            height=2.7 + legend_height(labels),
            texts=[label, *labels],
            paint=partial(_paint_trade_off, label, points, styles),
        )


def _paint_trade_off(
    label: str,
    points: Sequence[tuple[str, Entry, Entry]],
    styles: Mapping[str, Look],
    figure: "Figure",
) -> None:
    axes = figure.add_subplot()
    for method, mono, multi in points:
        look = styles[method]
        axes.errorbar(
            mono["mean"],
            multi["mean"],
            xerr=_reach(mono),
            yerr=_reach(multi),
            fmt=look.marker,
            color=look.colour,
            elinewidth=1,
        )
    axes.locator_params(axis="x", nbins=MARKS)
    axes.set_xlabel(f"{label}, mono: passages of the query's language")
    axes.set_ylabel(f"{label}, multi: of all languages")
    _legend(figure, list(styles.values()))


def _reach(row: Entry) -> list[list[float]] | None:
    """An interval as matplotlib takes it: how far it reaches below and above."""
    if row["low"] is None or row["high"] is None:
        return None
    return [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]


def loss(systems: Sequence["System"]) -> Iterator[Picture]:
    """The training loss, a line for each seed; below it the validation loss, if there is any."""
    trained = [system for system in systems if any("loss" in point for point in system.log)]
    if not trained:
        return
    styles = looks([clean(system.method) for system in trained])
    labels = [look.label for look in styles.values()]
    validated = any("validation_loss" in point for system in trained for point in system.log)
    yield Picture(
        name="loss",
        title="Training loss by step",
        caption=(
            "A line for each seed, each point the mean since the one before. Losses of different "
            "samplers or objectives are on different scales: they show whether a training has "
            "settled, not which is better."
        ),
        height=(4.2 if validated else 2.5) + legend_height(labels),
        texts=labels,
        paint=partial(_paint_loss, trained, styles, validated),
    )


def _paint_loss(
    systems: Sequence["System"], styles: Mapping[str, Look], validated: bool, figure: "Figure"
) -> None:
    names = {"loss": "training loss"}
    if validated:
        names["validation_loss"] = "validation loss"
    rows = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    for axes, (name, label) in zip(rows, names.items(), strict=True):
        for system in systems:
            look = styles[clean(system.method)]
            points = [(p["step"], p[name]) for p in system.log if name in p]
            every = max(1, len(points) // MARKED)
            first = every * list(styles).index(clean(system.method)) // len(styles)
            axes.plot(
                [step for step, _ in points],
                [value for _, value in points],
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markevery=(first, every),
                markersize=3.5,
                linewidth=1.0,
            )
        axes.set_ylabel(label)
    rows[-1].locator_params(axis="x", nbins=MARKS, integer=True)
    rows[-1].set_xlabel("step")
    _legend(figure, list(styles.values()), lines=True)


def _legend(figure: "Figure", styles: Sequence[Look], *, lines: bool = False) -> None:
    """Below the figure, each method once."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=s.colour, marker=s.marker, linestyle=s.line if lines else "none")
        for s in styles
    ]
    labels = [style.label for style in styles]
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=legend_columns(labels),
        handlelength=2.6 if lines else 1.0,
    )
