import tempfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from tests.toy_corpora import problems, ranked, slow_ranking, spelled, stored

from hbench.settings import Component
from hbench.toplist import TopList


@settings(max_examples=50)
@given(problems(), st.integers(1, 6), st.data())
def test_the_first_k_of_any_pool_have_the_languages_of_a_slow_exact_ranking(dataset, k, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = stored(dataset, folder)
        read = spelled(corpus)
        ranked(corpus, read, folder, top_k=6)
        best = TopList.read(folder / "top.parquet", corpus)
        pool = data.draw(st.lists(st.sampled_from(corpus.languages), min_size=1, unique=True))
        for number, language in enumerate(corpus.languages):
            begin, end = corpus.query_offsets[number : number + 2].tolist()
            # Gaps are usual: a query without an answer in the pool is not asked for.
            numbers = st.sampled_from(range(begin, end)) if end > begin else st.nothing()
            queries = np.array(sorted(data.draw(st.sets(numbers))))
            if len(queries):
                top = best.in_pool(queries, Component(language, tuple(pool)), k)
                assert top.pool == tuple(sorted(pool))
                for query, found in zip(queries.tolist(), top.language.tolist(), strict=True):
                    order = slow_ranking(corpus, read, query, pool)[:k]
                    wanted = [top.pool.index(key.partition(":")[0]) for _, key in order]
                    assert found == wanted + [-1] * (k - len(wanted))
