import tempfile
from dataclasses import fields
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.toy_corpora import (
    Toy,
    near_ties_of_many,
    problems,
    queries_of,
    ranked,
    silent,
    slow_ranking,
    spelled,
    stored,
    toy,
)

from hbench import counting
from hbench.errors import DataError
from hbench.ranks import relevant_pairs
from hbench.records import Judgement, Passage, Query
from hbench.stages import rank
from hbench.vectors import on_grid

STEP = 2.0**-26
LANGUAGES = ("de", "en")
BLOCKS = [(1, 1), (1, 512), (33, 33), (33, 7), (512, 512)]


@pytest.fixture(scope="module", params=["compiled", "torch"])
def way(request):
    """How a CPU counts, and how all else does."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch":
            patch.setattr(counting.Asked, "count_compiled", counting.Asked.count_by_torch)
        yield request.param


def beats_of(dataset, folder, read=None, **options):
    """How many passages of each language beat the passage, by (query language, item, passage)."""
    corpus = stored(dataset, folder)
    pairs = relevant_pairs(corpus)
    counts = rank.count(corpus, pairs, read or spelled(corpus), top_k=3, progress=silent, **options)
    asked, ids = queries_of(corpus), corpus.passage_ids.to_pylist()
    return {
        (*asked[query], ids[passage]): dict(zip(corpus.languages, row.tolist(), strict=True))
        for query, passage, row in zip(pairs.query, pairs.passage, counts.beats, strict=True)
    }


@pytest.mark.usefixtures("way")
def test_higher_scores_and_equal_scores_with_later_ids_beat_language_by_language(tmp_path):
    dataset = toy(
        {"de:q": "1 0"},
        {
            "de:1": "1 0",  # higher
            "de:2": "3 4",  # equal, earlier id than de:3
            "de:3": "3 4",  # the relevant one
            "de:4": "6 8",  # equal once its length is 1, later id
            "de:5": "0 1",  # lower
            "en:0": "3 -4",  # equal, later since en > de
            "en:1": "-1 0",  # lower
        },
        {"q": {"de:3": 1}},
    )
    assert beats_of(dataset, tmp_path) == {("de", "q", "de:3"): {"de": 2, "en": 1}}


def test_ids_are_ordered_as_byte_strings_with_their_language(tmp_path):
    later = ["de:9", "de:A", "de:a", "de:é", "de:語", "de:😀", "en:0"]
    earlier = ["ar:zz", "de:1", "de:09", "de:10", "de:4"]
    candidates = dict.fromkeys([*later, "de:5", *earlier], "1")
    found = beats_of(toy({"de:q": "1"}, candidates, {"q": {"de:5": 1}}), tmp_path)
    assert found["de", "q", "de:5"] == {"ar": 0, "de": 6, "en": 1}


def test_every_query_of_an_item_is_paired_with_every_relevant_passage_of_the_item(tmp_path):
    dataset = toy(
        {"de:q1": "1", "de:q2": "1", "en:q2": "1", "en:q3": "1"},
        {"de:a": "1", "de:b": "1", "en:a": "1"},
        {"q2": {"en:a": 3, "de:b": 2, "de:a": 0}, "q1": {"de:b": 1}},
    )
    corpus = stored(dataset, tmp_path)
    pairs = relevant_pairs(corpus)
    asked, ids = queries_of(corpus), corpus.passage_ids.to_pylist()
    named = [
        (*asked[query], ids[passage], int(grade))
        for query, passage, grade in zip(pairs.query, pairs.passage, pairs.grade, strict=True)
    ]
    assert named == [
        ("de", "q1", "de:b", 1),
        ("de", "q2", "de:b", 2),
        ("de", "q2", "en:a", 3),
        ("en", "q2", "de:b", 2),
        ("en", "q2", "en:a", 3),
    ]


@pytest.mark.usefixtures("way")
@settings(max_examples=100)
@given(problems())
def test_beats_are_what_a_slow_exact_ranking_gives(dataset):
    with tempfile.TemporaryDirectory() as folder:
        found = beats_of(dataset, Path(folder), block=(2, 2))
        corpus = stored(dataset, Path(folder))
        read, expected = spelled(corpus), {}
        for query, (language, item) in enumerate(queries_of(corpus)):
            order = [key for _, key in slow_ranking(corpus, read, query, corpus.languages)]
            for judged in dataset.judged:
                if judged.item == item and judged.grade > 0:
                    passage = f"{judged.language}:{judged.passage}"
                    before = [key.partition(":")[0] for key in order[: order.index(passage)]]
                    expected[language, item, passage] = {
                        name: before.count(name) for name in corpus.languages
                    }
    assert found == expected


def near_ties(folder, seed):
    """A query and 40 passages that differ from one vector by one step in one component."""
    random = np.random.default_rng(seed)
    base, asked = random.integers(-(2**24) + 9, 2**24 - 9, (2, 32))
    passages = np.repeat(base[None], 40, axis=0)
    passages[np.arange(40), random.integers(0, 32, 40)] += random.integers(-1, 2, 40)
    vectors = {
        "query": (asked[None] * STEP).astype(np.float32),
        "passage": (passages * STEP).astype(np.float32),
    }
    candidates = {f"de:{i:02}": "1" for i in random.permutation(40)}
    dataset = toy({"de:q": "1"}, candidates, {"q": dict.fromkeys(candidates, 1)})
    return stored(dataset, folder), lambda side, language: vectors[side]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(3))
def test_near_ties_are_decided_as_exact_scores_rounded_to_float32_decide(tmp_path, seed):
    corpus, read = near_ties(tmp_path, seed)
    expected = slow_ranking(corpus, read, 0, ["de"])
    assert 1 < len({score for score, _ in expected}) < 40  # some tie, and not all
    found = ranked(corpus, read, tmp_path)
    ids = corpus.passage_ids.to_pylist()
    by_beats = sorted(zip(found.beats[:, 0], found.passage, strict=True))
    assert [(place, ids[i]) for place, i in by_beats] == [
        (place, key) for place, (_, key) in enumerate(expected)
    ]


@pytest.mark.usefixtures("way")
def test_one_step_of_the_grid_decides_where_float32_can_hold_the_difference(tmp_path):
    quarter = 2.0**-2 - 2.0**-26
    vectors = {
        "query": np.array([[1, 0]], np.float32),
        "passage": np.array([[quarter - STEP, 1], [quarter, 1]], np.float32),
    }
    dataset = toy({"de:q": "1"}, {"de:2": "1", "de:1": "1"}, {"q": {"de:1": 1, "de:2": 1}})
    corpus = stored(dataset, tmp_path)
    assert ranked(corpus, lambda side, _: vectors[side], tmp_path).beats.tolist() == [[1], [0]]


def crowd(folder, *, reverse=False):
    """40 questions and 300 passages in two languages, half of them given twice."""
    random = np.random.default_rng(1)
    texts = [" ".join(map(str, row)) for row in random.standard_normal((150, 48)).round(6)]
    passages = [Passage(f"{i:03}", LANGUAGES[i % 2], texts[i // 2]) for i in range(300)]
    asked = [Query(f"q{i}", "de", texts[-1 - i]) for i in range(40)]
    judged = [Judgement(f"q{i}", LANGUAGES[j % 2], f"{j:03}")
              for i in range(40) for j in (7 * i, 7 * i + 1, 7 * i + 2)]  # fmt: skip
    return Toy(asked, passages[::-1] if reverse else passages, judged)


def everything(corpus, read, **options):
    """All that ``count`` finds, as bytes; the best passages in one order."""
    counts = rank.count(corpus, relevant_pairs(corpus), read, top_k=5, progress=silent,
                        **options)  # fmt: skip
    return bytes_of(counts)


def bytes_of(counts):
    return [getattr(counts, each.name).tobytes() for each in fields(counts)]


@pytest.fixture
def own_threads():
    """Threads are as before when the test has ended."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("way")
@pytest.mark.usefixtures("own_threads")
def test_neither_block_size_nor_threads_change_a_bit(tmp_path):
    corpus = stored(crowd(tmp_path), tmp_path)
    read = spelled(corpus)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found += [everything(corpus, read, block=block) for block in BLOCKS]
    assert all(other == found[0] for other in found[1:])
    assert any(found[0][1])  # the crowd has ties


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_counts_of_parts_of_the_passages_add_up(tmp_path, parts):
    corpus = stored(crowd(tmp_path), tmp_path)
    read, pairs = spelled(corpus), relevant_pairs(corpus)
    counted = [
        rank.count(corpus, pairs, read, top_k=5, progress=silent, block=(16, 9), part=(i, parts))
        for i in range(parts)
    ]
    assert bytes_of(rank.added_up(counted)) == everything(corpus, read)


@pytest.mark.parametrize("many", [0.0, counting.MANY, 2.0])
def test_torch_finds_what_the_compiled_loops_find(tmp_path, monkeypatch, many):
    """Whether it decides near ties one by one for ever, or a whole block at once from the first."""
    corpus = stored(crowd(tmp_path), tmp_path)
    expected = everything(corpus, spelled(corpus))
    monkeypatch.setattr(counting, "MANY", many)
    monkeypatch.setattr(counting.Asked, "count_compiled", counting.Asked.count_by_torch)
    assert everything(corpus, spelled(corpus)) == expected


@pytest.mark.parametrize("dim", [8, 96, 384, 1024])
def test_float32_products_stay_within_the_bound_in_whatever_order_they_are_summed(dim):
    """Of vectors whose products all have one sign, whose sums round most, and of others."""
    random = np.random.default_rng(dim)
    for shift in (0, 3):
        left, right = (on_grid(random.standard_normal((200, dim)) + shift, [""] * 200)[0]
                       for _ in "lr")  # fmt: skip
        exact = (left.astype(np.float64) * right).sum(axis=1).astype(np.float32)
        one_by_one = np.zeros(200, np.float32)
        for column in range(dim):
            one_by_one += left[:, column] * right[:, column]
        for found in (one_by_one, np.einsum("ij,ij->i", left, right), (left @ right.T).diagonal()):
            assert np.abs(found - exact).max() <= counting.error_bound(dim)


def test_sides_whose_vectors_differ_in_size_are_an_error(tmp_path):
    corpus = stored(toy({"de:q": "1 0"}, {"de:a": "1 0 0"}, {"q": {"de:a": 1}}), tmp_path)
    for index in (None, "Flat"):
        with pytest.raises(DataError, match="vectors of 2 numbers and passages of 3"):
            ranked(corpus, spelled(corpus), tmp_path, index=index)


def test_the_order_of_the_passages_does_not_matter(tmp_path):
    straight = beats_of(crowd(tmp_path), tmp_path / "straight")
    assert straight == beats_of(crowd(tmp_path, reverse=True), tmp_path / "reversed")
    assert len(straight) == 120


scored = st.tuples(
    st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 2**32 - 1)
)


@given(scored, scored)
def test_keys_sort_as_score_then_tie_order(one, other):
    scores = torch.tensor([one[0], other[0]], dtype=torch.float32)
    first, second = counting.keys(scores, torch.tensor([one[1], other[1]])).tolist()
    assert (first < second, first == second) == (one < other, one == other)


def test_the_two_zeros_are_one_score():
    first, second = counting.keys(torch.tensor([-0.0, 0.0]), torch.tensor([5, 5])).tolist()
    assert first == second


@given(scored)
def test_a_key_holds_its_score(one):
    key = counting.keys(torch.tensor([one[0]], dtype=torch.float32), torch.tensor([one[1]]))
    assert counting.scores_of(key).item() == one[0]


@pytest.mark.usefixtures("way")
@settings(max_examples=30)
@given(problems(), st.integers(1, 12), st.data())
def test_the_best_k_of_each_language_merge_into_the_head_of_the_ranking(dataset, k, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = stored(dataset, folder)
        read = spelled(corpus)
        ranked(corpus, read, folder, top_k=k)
        table = pq.read_table(folder / "top.parquet")
        ids = corpus.passage_ids.to_pylist()
        rows = [
            (row["query"], row["language"], row["rank"], row["score"], ids[row["passage"]])
            for row in table.to_pylist()
        ]
        assert [row[:3] for row in rows] == [
            (query, language, place)
            for query in range(len(dataset.asked))
            for language in corpus.languages
            for place in range(1, 1 + min(k, len(read("passage", language))))
        ]
        for query, language in product(range(len(dataset.asked)), corpus.languages):
            kept = [row[3:] for row in rows if row[:2] == (query, language)]
            assert kept == slow_ranking(corpus, read, query, [language])[:k]
            pool = data.draw(st.lists(st.sampled_from(corpus.languages), min_size=1, unique=True))
            kept = [row[3:] for row in rows if row[0] == query and row[1] in pool]
            kept.sort(key=lambda entry: (entry[0], entry[1].encode()), reverse=True)
            assert kept[:k] == slow_ranking(corpus, read, query, pool)[:k]


@pytest.mark.usefixtures("way")
def test_top_scores_are_float32_bit_for_bit(tmp_path):
    corpus = stored(crowd(tmp_path), tmp_path)
    read = spelled(corpus)
    ranked(corpus, read, tmp_path, top_k=150)
    table = pq.read_table(tmp_path / "top.parquet")
    passages = np.concatenate([read("passage", name)[:] for name in corpus.languages])
    expected = (read("query", "de")[:].astype(np.float64) @ passages.T.astype(np.float64)).astype(
        "f4"
    )
    found = table["score"].to_numpy()
    assert found.dtype == np.float32
    assert len(found) == expected.size
    assert (found < 0).any()
    query, passage = table["query"].to_numpy(), table["passage"].to_numpy()
    assert (found.view(np.int32) == expected[query, passage].view(np.int32)).all()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("block", [(1, 7), (1, 100), (1, 300)])
def test_near_ties_among_the_best_are_decided_by_exact_scores(tmp_path, block):
    for seed in range(5):
        queries, rows, place, order = near_ties_of_many(seed)
        ids = {f"de:{place[i]:03}": "1" for i in range(300)}
        corpus = stored(toy({"de:q": "1"}, ids, {"q": {"de:000": 1}}), tmp_path / str(seed))
        vectors = {("query", "de"): queries, ("passage", "de"): rows}
        counts = rank.count(
            corpus, relevant_pairs(corpus), lambda *key, known=vectors: known[key],
            top_k=50, progress=silent, block=block,
        )  # fmt: skip
        assert counts.top_passage[0, 0].tolist() == order[:50].tolist()


@pytest.mark.usefixtures("way")
def test_queries_with_few_and_with_many_relevant_passages_are_counted_alike(tmp_path, monkeypatch):
    dataset = crowd(tmp_path)
    many = [Judgement("q0", passage.language, passage.id) for passage in dataset.candidates]
    known = {(judgement.language, judgement.passage) for judgement in dataset.judged
             if judgement.item == "q0"}  # fmt: skip
    more = [each for each in many if (each.language, each.passage) not in known]
    corpus = stored(Toy(dataset.asked, dataset.candidates, [*dataset.judged, *more]), tmp_path)
    whole = everything(corpus, spelled(corpus))
    monkeypatch.setattr(rank, "PADDED", 7)  # each query is a block of its own
    assert everything(corpus, spelled(corpus)) == whole


def test_no_more_is_kept_than_the_largest_language_has(tmp_path):
    dataset = toy({"de:q": "1"}, {"de:a": "1", "en:a": "1", "en:b": "1"}, {"q": {"de:a": 1}})
    corpus = stored(dataset, tmp_path)
    kept = []
    count = rank.count

    def counted(*arguments, top_k, **options):
        kept.append(top_k)
        return count(*arguments, top_k=top_k, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rank, "count", counted)
        ranked(corpus, spelled(corpus), tmp_path, top_k=10_000)
    assert kept == [2]


def detail_of(dataset, folder):
    corpus = stored(dataset, folder)
    return rank.run(corpus, spelled(corpus), top_k=1, device="cpu", folder=folder, progress=silent)


def test_beats_file_says_what_its_rows_are(tmp_path):
    dataset = toy({"de:q": "1"}, {"de:a": "1", "de:b": "1", "en:a": "1"}, {"q": {"de:a": 2}})
    assert detail_of(dataset, tmp_path)["pairs"] == 1
    with np.load(tmp_path / "beats.npz", allow_pickle=False) as file:
        found = {name: file[name].tolist() for name in file.files}
    assert found == {
        "query": [0], "passage": [0], "grade": [2], "beats": [[1, 1]], "languages": ["de", "en"]
    }  # fmt: skip


def many(ties, of):
    """A dataset of ``of`` relevant passages, ``ties`` of which tie with an irrelevant one."""
    angles = {f"q{i}": f"{i + 1} 100" for i in range(of)}
    candidates = {f"de:{item}": text for item, text in angles.items()}
    candidates |= {f"en:{item}": text for item, text in list(angles.items())[:ties]}
    asked = {f"de:{item}": text for item, text in angles.items()}
    return toy(asked, candidates, {item: {f"de:{item}": 1} for item in angles})


def test_ties_with_irrelevant_passages_are_noted_above_one_in_a_hundred(tmp_path):
    at = detail_of(many(1, of=100), tmp_path / "at")
    above = detail_of(many(2, of=101), tmp_path / "above")
    assert (at["tied_share"], at["notes"]) == (0.01, [])
    assert above["tied_share"] == 2 / 101
    assert above["notes"] == ["2.0% of relevant passages tie with an irrelevant one"]


def test_ties_among_relevant_passages_are_not_counted(tmp_path):
    candidates = {"de:a": "1 0", "en:a": "1 0", "de:b": "0 1", "en:b": "0 1"}
    both = toy({"de:q": "1 1", "de:r": "1 0"}, candidates,
               {"q": dict.fromkeys(candidates, 1), "r": {"de:a": 1, "en:a": 2}})  # fmt: skip
    assert detail_of(both, tmp_path)["tied_share"] == 0


def test_a_tie_is_one_also_at_score_zero_beside_queries_with_more_relevant_passages(tmp_path):
    candidates = {"de:a": "0 1", "de:b": "0 1", "de:c": "3 4", "de:d": "4 3"}
    dataset = toy({"de:q": "1 0", "de:r": "1 0"}, candidates,
                  {"q": {"de:a": 1}, "r": {"de:c": 1, "de:d": 1}})  # fmt: skip
    assert detail_of(dataset, tmp_path)["tied_share"] == 1 / 3


def test_a_passage_judged_irrelevant_counts_as_a_tie(tmp_path):
    judged = {"q": {"de:a": 1, "de:b": 0, "de:c": 1}}
    dataset = toy({"de:q": "1 0"}, {"de:a": "0 1", "de:b": "0 1", "de:c": "1 0"}, judged)
    assert detail_of(dataset, tmp_path)["tied_share"] == 0.5


def test_a_language_without_queries_or_judgements_is_searched_in(tmp_path):
    dataset = toy({"de:q": "3 4"}, {"de:a": "1 0", "en:b": "0 1"}, {"q": {"de:a": 1}})
    assert beats_of(dataset, tmp_path) == {("de", "q", "de:a"): {"de": 0, "en": 1}}


def test_an_item_without_relevant_passages_has_no_pairs(tmp_path):
    dataset = toy({"de:q": "1", "de:r": "1"}, {"de:a": "1"}, {"q": {"de:a": 0}, "r": {"de:a": 1}})
    assert list(beats_of(dataset, tmp_path)) == [("de", "r", "de:a")]


def test_progress_ends_at_one(tmp_path):
    corpus = stored(crowd(tmp_path), tmp_path)
    told = []
    rank.count(corpus, relevant_pairs(corpus), spelled(corpus), top_k=1, block=(16, 100),
               progress=lambda share, what: told.append(share))  # fmt: skip
    assert told == [100 / 300, 150 / 300, 250 / 300, 1.0]
