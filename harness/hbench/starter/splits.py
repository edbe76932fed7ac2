"""Data to train on and data to evaluate on, apart from each other."""

from itertools import accumulate

from hbench.errors import DataError
from hbench.starter.layouts import ASKED, JUDGED, LEARNT, Layout
from hbench.starter.look import Found

SHARE = 3  # one in so many items is evaluated on,
MOST = 1000  # but no more than that: the others teach more than they measure
LEAST = 2  # of each part: a batch needs two items, an interval two clusters of them


def divided(layout: Layout, whole: Found, pattern: str) -> tuple[tuple[Layout, Layout], str]:
    """The two parts of one set of data, and how they were made.

    Raises:
        DataError: it cannot be divided.
    """
    if layout.splits:
        train, test = _named_parts(layout, pattern)
        learnt, asked = train.options["split"], test.options["split"]
        return (train, test), f"The data's own parts: trained on {learnt}, evaluated on {asked}."
    if not layout.counted:
        raise DataError(
            f"{pattern}: each set counts its items anew, so that no part of them all can be put "
            "aside; name test data of its own with --test"
        )
    count, what = _counted(layout, whole)
    aside = min(max(LEAST, count // SHARE), MOST)
    if count - aside < (1 if layout.articles else LEAST):  # an article has several items
        raise DataError(
            f"{pattern}: {count} {what} are too few to train on some and to evaluate on others: "
            f"{2 * LEAST} are the least that runs, hundreds are needed to tell methods apart; add "
            "data, or name test data of its own with --test"
        )
    if "cluster" in layout.options:
        aside = count - _between_clusters(layout, whole, count, count - aside, pattern)
    parts = (f"0-{count - aside - 1}", f"{count - aside}-{count - 1}")
    how = (
        f"The first {count - aside:,} {what} are trained on, the last {aside:,} evaluated on "
        f"('{layout.counted}', counted from 0 in the order of the file)."
    )
    if "cluster" in layout.options:
        how += f" No {layout.options['cluster']!r} is on both sides."
    train, test = (layout.with_options(**{layout.counted: part}) for part in parts)
    return (train, test), how


def _between_clusters(layout: Layout, whole: Found, count: int, usual: int, pattern: str) -> int:
    """Where to cut so that every cluster is on one side: as near to the usual place as can be.

    Raises:
        DataError: there is no such place.
    """
    places = range(count) if "id" in layout.options else map(int, whole.names)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, cluster in sorted(zip(places, whole.clusters, strict=True)):
        first.setdefault(cluster, place)
        last[cluster] = place
    # In the order of their first rows; a cut is before one of them, and after all rows of others.
    ends = list(accumulate((last[cluster] for cluster in first), max))
    cuts = [
        start
        for number, start in enumerate(first.values())
        if LEAST <= number <= len(first) - LEAST and ends[number - 1] < start
    ]
    if not cuts:
        name = layout.options["cluster"]
        raise DataError(
            f"{pattern}: cannot be cut so that rows of one {name!r} stay together and {LEAST} are "
            f"on either side; sort the rows of each file by {name!r}, or name test data of its "
            "own with --test"
        )
    return min(cuts, key=lambda cut: abs(cut - usual))


def check_apart(train: Layout, test: Layout, other: str) -> None:
    """Whether both are not the same.

    Raises:
        DataError: they are.
    """
    if train == test:
        raise DataError(
            f"--test {other}: is the very data that is trained on; leave --test out, and a part "
            "is put aside"
        )


def check_parts(whole: Found, train: Found, test: Found, pattern: str) -> None:
    """Whether both parts have all languages of the whole.

    Raises:
        DataError: one does not: items are counted through the languages one after the other.
    """
    for part, purpose in ((train, "train"), (test, "evaluate")):
        lacking = sorted(set(whole.served) - set(part.served))
        if lacking:
            raise DataError(
                f"{pattern}: a part put aside would leave nothing in {', '.join(lacking)} to "
                f"{purpose} on, since few ids or none are in all languages; if line n of each "
                "language is the same item, give --id -; else name files to evaluate on with --test"
            )


def _counted(layout: Layout, whole: Found) -> tuple[int, str]:
    """How many of what the option of a part counts."""
    if layout.articles:
        return layout.articles, "articles"
    if "id" in layout.options:
        return len(whole.names), "items"
    # Without ids an item's name is the number of its line, and lines without texts count too.
    return 1 + max(map(int, whole.names)), "lines"


def _named_parts(layout: Layout, pattern: str) -> tuple[Layout, Layout]:
    """The parts that the data itself has."""
    tests = [name for name in ASKED if name in layout.splits]
    if layout.options["split"] not in LEARNT or not tests:
        raise DataError(
            f"{pattern}: has {JUDGED} of {', '.join(layout.splits)}, and {LEARNT[0]} is needed to "
            f"train on and {ASKED[0]} to evaluate on; add {JUDGED}/{LEARNT[0]}.tsv, or name other "
            "data to train on with --data and this with --test"
        )
    return layout, layout.with_options(split=tests[0])
