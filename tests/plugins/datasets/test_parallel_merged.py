"""One answer to several questions is one passage, if that is asked for."""

import pytest

from hbench.records import Judgement, Passage
from hbench_plugins.datasets.parallel import Parallel

HEADER = "id\tquestion\tanswer\n"


@pytest.fixture
def folder(tmp_path):
    """Items 7 and 9 have one answer in German, and one each in English."""
    german = "7\tWann?\tMorgen.\n8\tWomit?\tBar.\n9\tWelcher Tag?\tMorgen.\n"
    english = "9\tWhich day?\tThe next.\n7\tWhen?\tMorgen.\n"
    (tmp_path / "de.tsv").write_text(HEADER + german, encoding="utf-8")
    (tmp_path / "en.tsv").write_text(HEADER + english, encoding="utf-8")
    return tmp_path


def read(folder, **options):
    files = folder / "{lang}.tsv"
    return Parallel(files=files, id="id", query="question", passage="answer", **options)


def test_equal_passages_of_a_language_are_one_with_the_name_of_the_first(folder):
    dataset = read(folder, merge_passages=True)
    assert list(dataset.passages()) == [
        Passage("7", "de", "Morgen."),
        Passage("8", "de", "Bar."),
        Passage("9", "en", "The next."),
        Passage("7", "en", "Morgen."),
    ]
    assert list(dataset.judgements()) == [
        Judgement("7", "de", "7"),
        Judgement("8", "de", "8"),
        Judgement("9", "de", "7"),
        Judgement("9", "en", "9"),
        Judgement("7", "en", "7"),
    ]


def test_unless_it_is_asked_for_each_line_is_a_passage_of_its_own(folder):
    dataset = read(folder)
    assert [passage.id for passage in dataset.passages()] == ["7", "8", "9", "9", "7"]
    assert [judged.passage for judged in dataset.judgements()] == ["7", "8", "9", "9", "7"]


def test_the_data_stage_takes_merged_passages_and_finds_none_repeated(folder, stored):
    corpus = stored(read(folder, merge_passages=True))
    assert corpus.passage_offsets.tolist() == [0, 2, 4]
    assert corpus.told_repeated() == ""
    assert (
        "2 of 3 passages in de have the text of another one" in stored(read(folder)).told_repeated()
    )
