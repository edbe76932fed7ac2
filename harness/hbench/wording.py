"""What stands under tables: what was sampled, what was tested, and so what may be claimed."""

import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from hbench.alternatives import DEFAULT, NAMES
from hbench.errors import printable
from hbench.settings import MACRO
from hbench.tables import EXPLORATORY, Group

FEW_CLUSTERS = 20
MOST_SPREADS = 12  # methods whose seed sd is told
# Simulated: with 5 seeds Holm holds whatever their sd; with 3 up to where their part of the error
# is about that of the items.
ENOUGH_SEEDS = 5
SEEDS_PREVAIL = 1.2


def unit_line(group: Group, family: Mapping[str, Any]) -> str:
    """What was sampled, and so what the tests speak of.

    Args:
        group: the tables of one evaluation and setting.
        family: the entry's, which names the test.
    """
    rows = [row for table in group.tables for row in table["rows"] if row["queries"]]
    if not rows:
        if not group.methods:
            return "No system has been evaluated."
        return "No query has what these metrics need."
    row = max(rows, key=lambda row: int(row["items"]))
    seeds = {row["method"]: int(row["seeds"]) for row in rows}
    trained = {count for count in seeds.values() if count} or {0}
    each = str(max(trained)) if len(trained) == 1 else f"{min(trained)}-{max(trained)}"
    languages = f"{group.languages} languages" if group.setting in MACRO else "its languages"
    line = (
        f"Unit: {row['items']:,} items in {row['clusters']:,} clusters, {languages} fixed, "
        f"{each} {'seed' if each == '1' else 'seeds'} per method."
    )
    if row["clusters"] < FEW_CLUSTERS:
        line += " Few clusters: intervals are rough."
    line += _seed_spread(group) + _scope(seeds, family)
    return line + "".join(f" Note: {note}." for note in group.notes)


def _seed_spread(group: Group) -> str:
    """How far the seeds of a method lie apart, in the first metric."""
    first = group.tables[0]
    spread = [
        f"{row['method']} {row['seed_sd']:.4f}"
        for row in first["rows"]
        if row.get("seed_sd") is not None
    ]
    if not spread:
        return ""
    shown = spread if len(spread) <= MOST_SPREADS else [*spread[:MOST_SPREADS], "..."]
    return f" Seed sd of {first['metric']}: {', '.join(shown)}."


def _scope(seeds: Mapping[str, int], family: Mapping[str, Any]) -> str:
    """What the tests may be taken for: for methods, or for the models that were trained."""
    fixed = [method for method, count in seeds.items() if not count]
    once = [method for method, count in seeds.items() if count == 1]
    line = f" Fixed checkpoint, no seeds: {', '.join(fixed)}." if fixed else ""
    if family.get("test", DEFAULT) != DEFAULT:
        return line + (
            " This test averages the seeds and then forgets them: it speaks of the trained "
            "models, not of the methods."
        )
    if once:
        line += (
            f" Model-level only, trained once: {', '.join(once)}; this speaks of the trained "
            "models, not of the methods."
        )
    if len(fixed) + len(once) < len(seeds):
        line += (
            " Claim: the method, on new clusters like these, in these languages, with this "
            "training set and recipe."
        )
    return line


def family_line(entry: Mapping[str, Any]) -> str:
    """How many tests were corrected together, and how the others are marked."""
    family = entry["family"]
    others = [p for table in entry["tables"] for p in table["comparisons"] if not p["primary"]]
    test = NAMES[family.get("test", DEFAULT)]
    if any("by" in table for table in entry["tables"]):
        return (
            f"Every test is exploratory: {test}, Benjamini-Hochberg over all {len(others)} of "
            f"them, alpha {family['alpha']}."
        )
    if not any(table["rows"] for table in entry["tables"]):
        return ""  # no system has been evaluated
    line = (
        f"Superscripts: significantly better than that row, {test}, "
        f"{family['correction'].capitalize()} within the primary family of {family['size']} tests, "
        f"alpha {family['alpha']}."
    )
    if others:
        line += f" {EXPLORATORY} exploratory: Benjamini-Hochberg over all such tests."
    if test == NAMES[DEFAULT] and _is_optimistic(entry["tables"]):
        line += (
            f" With fewer than {ENOUGH_SEEDS} seeds that differ so much, Holm's p is too small: in "
            "a simulation of 3 seeds and 45 tests, 7 to 12 % of families held a false star instead "
            f"of 5 %; {ENOUGH_SEEDS} seeds keep to it. Intervals are not affected."
        )
    return line


def remarks(entry: Mapping[str, Any]) -> list[str]:
    """What comparing brought up: what strata leave out, what is noteworthy of others' runs."""
    shown = dict.fromkeys(table["dataset"] for table in entry["tables"])
    notes = entry.get("notes", {})
    return [f"{name}: {note}." for name in shown for note in notes.get(name, ())]


def evaluated(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """What of an entry can be shown, and the evaluations that no system has scores in."""
    names = dict.fromkeys(table["dataset"] for table in entry["tables"])
    known = {table["dataset"] for table in entry["tables"] if table["rows"]}
    absent = [name for name in names if name not in known]
    if not absent:
        return entry, []
    kept = {
        part: [row for row in entry[part] if row["dataset"] in known]
        for part in ("tables", "matrix", "published")
    }
    return {**entry, **kept}, absent


def nobody(entry: Mapping[str, Any], name: str) -> str:
    """What stands instead of the tables of an evaluation that no system has scores in."""
    return f"{entry['benchmark']}: {name}: no system has been evaluated; see what failed"


def _is_optimistic(tables: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the seeds are few, and most of the error comes from them."""
    pairs = [pair for table in tables for pair in table["comparisons"] if pair["primary"]]
    parts = [
        pair["seed_error"] / pair["item_error"]
        for pair in pairs
        if pair.get("seed_error") and pair.get("item_error")
    ]
    seeds = [row["seeds"] for table in tables for row in table["rows"] if row["seeds"]]
    return bool(parts) and min(seeds) < ENOUGH_SEEDS and median(parts) > SEEDS_PREVAIL


def escaped(text: str) -> str:
    """A name that Markdown shows as it is: no HTML, no link, no cell or line of its own."""
    text = printable(text).replace("\n", " ")
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, code)
    return re.sub(r"([\\`*\[\]|~])", r"\\\1", text)
