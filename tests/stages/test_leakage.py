"""What of an evaluation is in the training data, counted by hand."""

from tests.toy_corpora import silent, stored, toy

from hbench.overlap import leaks, told
from hbench.stages import leakage

TESTED = toy(
    {
        "de:q1": "Wann wurde der alte Turm am Fluss gebaut?",
        "en:q1": "When was the old tower by the river built?",
        "en:q2": "Who paid for the stone bridge in the valley?",
        "en:q3": "Yes?",
    },
    {
        "de:a": "Der alte Turm am Fluss wurde im Jahr 1822 gebaut.",
        "en:a": "The old tower by the river was built in the year 1822.",
        "en:b": "The miller did, with the money of ten good harvests.",
        "en:c": "Yes.",
    },
    {"q1": {"de:a": 1, "en:a": 1}, "q2": {"en:b": 1}, "q3": {"en:c": 1}},
)
CLEAN = toy(
    {"en:x": "Where do all these sheep come from?"},
    {
        "en:s": "They come from the high meadows in the east.",
        "en:t": "Who paid for the stone bridge in the valley?",  # judged by nobody: not trained on
    },
    {"x": {"en:s": 1}},
)
LEAKING = toy(
    {
        "en:l1": "WHO PAID for the stone bridge  in the valley?",  # exact: q2
        "en:l2": "What else is there to be seen in this town?",
        "en:l3": "How often does the market take place?",
        "fr:l1": "Qui a payé le pont de pierre dans la vallée ?",
    },
    {
        "en:m": "Many people did.",
        "en:n": "The old tower by the river was built in the year 1823.",  # near: en:a
        "en:o": "Every week, and on all holidays as well.",
        "fr:m": "Beaucoup de gens.",
    },
    {"l1": {"en:m": 1, "fr:m": 1}, "l2": {"en:n": 0, "en:o": 1}, "l3": {"en:o": 1}},
)


def compare(folder, **sources):
    corpora = [(name, stored(dataset, folder / name)) for name, dataset in sources.items()]
    target = folder / "leakage"
    target.mkdir()
    found = leakage.run(corpora, stored(TESTED, folder / "tested"), target, silent)
    return found, leakage.read(target)


def test_each_copied_question_and_passage_is_counted_once(tmp_path):
    found, _ = compare(tmp_path, clean=CLEAN, leaking=LEAKING)
    assert found["queries"] == {
        "all": 3,  # items, whatever their languages
        "exact": 1,
        "near": 0,
        "examples": ["Who paid for the stone bridge in the valley?"],
        "of": "",
    }
    assert found["passages"] == {
        "all": 4,
        "exact": 0,
        "near": 1,
        "examples": ["The old tower by the river was built in the year 1822."],
        "of": "",
    }
    assert found["leaking_items"] == [["clean", 0], ["leaking", 2]]
    assert leaks(found) == 2
    assert told(found) == (
        "1 of 3 questions and 0 of 4 passages also occur in training (exact); 1 near"
    )


def test_an_item_leaks_by_a_text_in_any_language_and_by_a_rejected_passage(tmp_path):
    _, items = compare(tmp_path, clean=CLEAN, leaking=LEAKING)
    assert [flags.tolist() for flags in items] == [[False], [True, True, False]]


def test_passages_that_are_not_trained_on_do_not_leak(tmp_path):
    found, items = compare(tmp_path, clean=CLEAN)
    assert leaks(found) == 0
    assert not items[0].any()


def test_of_a_large_corpus_the_judged_passages_are_looked_for_and_this_is_said(
    tmp_path, monkeypatch
):
    unjudged = "They come from the high meadows in the east."
    tested = toy(
        {"en:q": "Where do all these sheep come from?"},
        {"en:a": "From the hills.", "en:b": unjudged, "de:c": "Von den Wiesen im hohen Osten."},
        {"q": {"de:c": 1, "en:a": 0}},
    )
    sources = [("clean", stored(CLEAN, tmp_path / "clean"))]
    corpus = stored(tested, tmp_path / "tested")
    whole = leakage.run(sources, corpus, tmp_path, silent)
    assert (whole["passages"]["all"], whole["passages"]["exact"]) == (3, 1)
    monkeypatch.setattr(leakage, "MOST", 2)
    judged = leakage.run(sources, corpus, tmp_path, silent)
    assert (judged["passages"]["all"], judged["passages"]["exact"]) == (2, 0)
    assert "0 of 2 judged passages also occur in training" in told(judged)
