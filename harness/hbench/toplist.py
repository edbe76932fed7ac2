"""The best passages of each query and candidate language, as stored, merged for any pool."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hbench.corpus import Corpus
from hbench.records import Int32Array, Int64Array, Top
from hbench.settings import Component


@dataclass(frozen=True)
class TopList:
    """The rows of ``top.parquet``, best first within each query, whatever their language.

    Args:
        corpus: the dataset.
        query: (rows,) query numbers, ascending.
        language: (rows,) the index of the passage's language.
    """

    corpus: Corpus
    query: Int64Array
    language: Int64Array

    @classmethod
    def read(cls, path: Path, corpus: Corpus) -> "TopList":
        """Read the file that the rank stage wrote."""
        from pyarrow.parquet import read_table

        table = read_table(path, columns=["query", "passage", "score"])
        query, passage, score = (table[name].to_numpy() for name in table.column_names)
        place = np.concatenate([corpus.tie_order(name) for name in corpus.languages])
        order = np.lexsort((-place[passage], -score, query))
        return cls(corpus, query[order].astype(np.int64), corpus.passage_languages(passage[order]))

    def in_pool(self, queries: Int64Array, component: Component, k: int) -> Top:
        """The first k passages of some queries, ascending, in the pool of a component."""
        pool = sorted(self.corpus.languages.index(name) for name in component.pool)
        rows = slice(*np.searchsorted(self.query, [queries[0], queries[-1] + 1]))
        query, language = self.query[rows], self.language[rows]
        inside = np.isin(language, pool) & np.isin(query, queries)
        query, language = query[inside], language[inside]
        row = np.searchsorted(queries, query)
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        table = np.full((len(queries), k), -1, np.int64)
        kept = rank < k
        table[row[kept], rank[kept]] = np.searchsorted(pool, language[kept])
        return Top(
            language=table,
            query_language=component.query_language,
            pool=tuple(self.corpus.languages[i] for i in pool),
            pool_sizes=np.diff(self.corpus.passage_offsets)[pool],
        )


def write_top(corpus: Corpus, keys: Int64Array, passages: Int32Array, path: Path) -> None:
    """Write the best passages: one row for each (query, candidate language, rank), in this order.

    Args:
        corpus: the dataset.
        keys: (queries, L, k) of the passages, best first.
        passages: (queries, L, k) their numbers, -1 where a language has fewer.
        path: of the parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch

    from hbench.counting import scores_of

    query, language, rank = (index.astype(np.int32) for index in np.nonzero(passages >= 0))
    chosen = (query, language, rank)
    table = {
        "query": pa.array(query),
        "language": pa.DictionaryArray.from_arrays(language, list(corpus.languages)),
        "rank": pa.array(rank + 1),
        "passage": pa.array(passages[chosen]),
        "score": pa.array(scores_of(torch.from_numpy(keys[chosen])).numpy()),
    }
    pq.write_table(pa.table(table), path, compression="zstd")
