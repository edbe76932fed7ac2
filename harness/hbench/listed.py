"""What lists of passages say of the relevant ones: counts of who is listed before whom."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hbench.corpus import Corpus
from hbench.ranks import UNLISTED, Beats, Pairs
from hbench.records import BoolArray, Int64Array
from hbench.toplist import TopList
from hbench.trecrun import Run


@dataclass(frozen=True)
class Listed:
    """What remains of a run: counts, and the first passages.

    Args:
        path: the file.
        languages: of the passages that it lists.
        asked: (queries,) whether it holds the query's topic.
        beats: of all pairs; ``UNLISTED`` for relevant passages that are not listed.
        top: the first passages of each query and language.
        apart: whether no topic lists passages of two languages, though the file does.
    """

    path: Path
    languages: frozenset[str]
    asked: BoolArray
    beats: Beats
    top: TopList
    apart: bool

    @classmethod
    def of(cls, run: Run, corpus: Corpus, pairs: Pairs, depth: int) -> "Listed":
        """Count.

        Args:
            run: the lists.
            corpus: the dataset.
            pairs: what to count for.
            depth: passages to keep for each query and language.
        """
        language = corpus.passage_languages(run.passage)
        asked = np.zeros(len(corpus.query_items), bool)
        asked[run.query] = True
        again = run.query[1:] == run.query[:-1]
        mixed = again & (language[1:] != language[:-1])
        languages = frozenset(corpus.languages[number] for number in np.unique(language))
        beats, kept = _counted(run, corpus, pairs, language, depth)
        return cls(
            run.path,
            languages,
            asked,
            beats,
            TopList(corpus, run.query[kept], language[kept]),
            len(languages) > 1 and bool(again.any()) and not mixed.any(),
        )


def _counted(
    run: Run, corpus: Corpus, pairs: Pairs, language: Int64Array, depth: int
) -> tuple[Beats, BoolArray]:
    """The beats, and (rows,) which passages are among the first of their query and language."""
    size = int(corpus.passage_offsets[-1])
    listed = run.query * size + run.passage
    wanted = pairs.query.astype(np.int64) * size + pairs.passage
    hits = np.flatnonzero(np.isin(listed, wanted))
    pair = np.searchsorted(wanted, listed[hits])
    start = np.searchsorted(run.query, run.query)
    beats = np.full((len(wanted), len(corpus.languages)), UNLISTED, np.int32)
    kept = np.zeros(len(listed), bool)
    for number in range(len(corpus.languages)):
        is_own = language == number
        before = np.cumsum(is_own) - is_own
        before -= before[start]
        beats[pair, number] = before[hits]
        kept |= is_own & (before < depth)
    return Beats(pairs.query, pairs.passage, pairs.grade, beats), kept
