"""Equal passages under different ids tie, and all but one count as wrong: it is told everywhere."""

from pathlib import Path

from tests.cli.starting import a_table_each, call, rows
from tests.toy_corpora import silent, spelled, stored, toy
from tests.toy_manifests import write_manifest
from typer.testing import CliRunner

from hbench.cli import app
from hbench.corpus import told_repeated
from hbench.footnotes import footnotes
from hbench.stages import rank

ADVICE = (
    "which counts as a wrong answer; give equal passages one id (of aligned files: "
    "merge_passages: true)"
)
# Of de's three passages two are equal; en's one is equal to them, and yet of another language.
PASSAGES = {"de:a": "1 0", "de:b": "1 0", "de:c": "0 1", "en:a": "1 0"}
TOLD = f"2 of 3 passages in de have the text of another one, {ADVICE}"


def ranked(dataset, folder):
    corpus = stored(dataset, folder)
    return rank.run(corpus, spelled(corpus), top_k=1, device="cpu", folder=folder, progress=silent)


def test_a_corpus_knows_which_passages_are_equal_to_another_of_their_language(tmp_path):
    corpus = stored(toy({"de:q": "1 0"}, PASSAGES, {"q": {"de:a": 1}}), tmp_path)
    assert corpus.repeated().tolist() == [True, True, False, False]
    assert corpus.told_repeated() == TOLD


def test_without_equal_passages_nothing_is_told_and_many_languages_are_counted():
    assert told_repeated({"de": (0, 3), "en": (0, 3)}) == ""
    many = told_repeated(dict.fromkeys(("ar", "de", "en", "es", "hi", "vi"), (2, 500)))
    assert many.startswith("12 of 3,000 passages in 6 languages have the text")


def test_ties_of_equal_passages_are_noted_with_their_cause(tmp_path):
    detail = ranked(toy({"de:q": "1 0"}, PASSAGES, {"q": {"de:a": 1}}), tmp_path)
    note = f"100.0% of relevant passages tie with an irrelevant one: {TOLD}"
    assert detail["notes"] == [note]


def test_ties_of_passages_that_differ_are_not_put_down_to_those_that_are_equal(tmp_path):
    # The relevant passage ties with de:c, which is its mirror image; the equal ones are others.
    passages = {"de:a": "1 1", "de:c": "1 -1", "de:x": "0 1", "de:y": "0 1"}
    detail = ranked(toy({"de:q": "1 0"}, passages, {"q": {"de:a": 1}}), tmp_path)
    assert detail["notes"] == ["100.0% of relevant passages tie with an irrelevant one"]


def below(root, *details):
    """What stands below the tables of an evaluation of systems with such manifests."""
    scores = {}
    for number, detail in enumerate(details):
        (root / f"s{number}").mkdir()
        write_manifest(root / f"s{number}", {"detail": detail})
        scores[str(number)] = {"key": "", "folder": f"s{number}"}
    resolved = {"evaluations": {"mine": {"notes": [], "scores": {"mono": scores}}}}
    return footnotes(resolved, root)["mine"]


def test_the_highest_share_of_ties_stands_below_the_tables(tmp_path):
    few, many = {"tied_share": 0.005, "tied_why": ""}, {"tied_share": 0.336, "tied_why": TOLD}
    assert below(tmp_path, few, many) == [
        f"up to 33.6% of relevant passages tie with an irrelevant one: {TOLD}"
    ]


def test_few_ties_are_not_told_below_the_tables(tmp_path):
    assert below(tmp_path, {"tied_share": 0.01, "tied_why": ""}, {"recall_of": "an index"}) == []


def same_answers():
    """60 questions with 30 answers; a third is put aside to evaluate on."""
    items = rows(60)
    return [
        (name, {tag: (asked, items[number // 2][1][tag][1]) for tag, (asked, _) in texts.items()})
        for number, (name, texts) in enumerate(items)
    ]


def test_init_makes_them_one_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_table_each(same_answers())
    done = call("--data", "data/{lang}.tsv")
    assert done.exit_code == 0, done.stderr
    said = "Equal passages are taken for one ('merge_passages'), right for all their questions."
    assert said in done.stderr.splitlines()
    assert "text of another one" not in done.stderr
    assert Path("my-benchmark.yaml").read_text().count("merge_passages: true") == 2
    a_table_each(rows(60))
    assert "qual passages" not in call("--data", "data/{lang}.tsv", "--force").stderr


def test_data_shows_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_table_each(same_answers())
    options = ("files=data/{lang}.tsv", "query=question", "passage=answer", "id=id")
    sets = [word for option in options for word in ("--set", option)]
    done = CliRunner().invoke(app, ["data", "parallel", *sets])
    assert done.exit_code == 0, done.stderr
    note = f"note: 180 of 180 passages in de, en, sw have the text of another one, {ADVICE}"
    assert note in done.stdout.splitlines()
    assert Path("results").is_dir()
