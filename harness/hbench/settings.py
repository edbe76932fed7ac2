"""Evaluation settings as choices of pools: which languages a query is ranked against."""

from collections.abc import Sequence
from dataclasses import dataclass

from hbench.errors import DataError, did_you_mean

MACRO = ("mono", "cross", "multi", "pair")
PAIRED_WITH = "en"


@dataclass(frozen=True, order=True)
class Component:
    """Queries of one language against one pool; settings average over these with equal weights."""

    query_language: str
    pool: tuple[str, ...]

    @property
    def pool_name(self) -> str:
        """The pool's sorted tags, joined: ``ar+de``.

        >>> Component("de", ("de", "ar")).pool_name
        'ar+de'
        """
        return "+".join(sorted(self.pool))


def components(
    name: str, languages: Sequence[str], *, parallel: bool, pool: Sequence[str] = ()
) -> tuple[Component, ...]:
    """The (query language, pool) combinations of a setting.

    Args:
        name: ``mono``, ``cross``, ``multi``, ``pair``, or the spec's own name for ``pool``.
        languages: all languages of the dataset.
        parallel: whether translations of a passage answer the same questions.
        pool: the languages of a setting of the spec's own; its queries are in these languages.

    Raises:
        DataError: the dataset cannot offer the setting.

    >>> [f"{c.query_language} in {c.pool_name}" for c in components(
    ...     "cross", ["de", "en"], parallel=True)]
    ['de in en', 'en in de']
    """
    known = sorted(languages)
    if name in ("cross", "pair") and not parallel:
        raise DataError(
            f"setting {name!r} needs parallel data, and this dataset is not parallel; "
            "ask for mono or multi"
        )
    if name in ("cross", "pair") and len(known) < 2:
        raise DataError(f"setting {name!r} needs two languages, and the dataset has {known}")
    if pool:
        unknown = sorted(set(pool) - set(known))
        if unknown:
            raise DataError(
                f"pool {name!r}: no language {unknown[0]!r}: {did_you_mean(unknown[0], known)}"
            )
        if len(set(pool)) < len(pool):
            raise DataError(f"pool {name!r}: a language is named twice in {list(pool)}")
        return tuple(Component(query, tuple(sorted(pool))) for query in sorted(pool))
    if name == "mono":
        return tuple(Component(language, (language,)) for language in known)
    if name == "cross":
        return tuple(Component(a, (b,)) for a in known for b in known if a != b)
    if name == "multi":
        return tuple(Component(language, tuple(known)) for language in known)
    if name != "pair":
        raise DataError(f"no setting is named {name!r}: {did_you_mean(name, MACRO)}")
    if PAIRED_WITH not in known:
        raise DataError(f"setting 'pair' needs English ('en'), and the dataset has {known}")
    pairs = [tuple(sorted((PAIRED_WITH, other))) for other in known if other != PAIRED_WITH]
    return tuple(Component(query, pair) for pair in pairs for query in pair)
