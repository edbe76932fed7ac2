"""Whatever a JSON file of articles holds, its answers are where it says, or it is refused."""

import json
import shutil
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given
from tests.fuzz.guard import judge, sized, survive
from tests.fuzz.mutations import arbitrary, misshapen, mutated, packed

from hbench.records import Judgement, Passage, Query
from hbench.stages import data
from hbench_plugins.datasets.lareqa import LAReQA, Release
from hbench_plugins.datasets.squad import Squad


class Tiny(LAReQA):
    release = Release("tiny", "0" * 40, "none", {"en": (0, "")}, {})


def asked(key, text, *starts, **more):
    return {"id": key, "question": text, "answers": [{"answer_start": at} for at in starts], **more}


RAN = {
    "context": "Bo ran.\nÉl fell. 😀",
    "sentences": ["Bo ran.\n", "Él fell. 😀"],
    "sentence_breaks": [[0, 8], [8, 18]],
    "qas": [asked("q1", "Who ran?", 0), asked("q2", "Who fell?", 8, 9)],
}
TOLD = {"context": "It is red. Is it?", "sentences": ["It is red.", "Is it?"],
        "sentence_breaks": [[0, 10], [11, 17]], "qas": [asked("q3", "Which?", 6)]}  # fmt: skip
PLAIN = {"context": TOLD["context"], "qas": [*TOLD["qas"], asked("q4", "?", is_impossible=True)]}
LISTED = {"data": [{"title": "Bo", "paragraphs": [RAN]}, {"paragraphs": [TOLD]}]}
UNLISTED = {"version": 2, "data": [{"title": "Bo", "paragraphs": [PLAIN]}]}


def seeds(*values):
    return [json.dumps(each, ensure_ascii=False, indent=1).encode() for each in values]


listed = st.one_of(mutated(seeds(LISTED)), misshapen(LISTED), misshapen(LISTED), arbitrary)
both = st.one_of(listed, misshapen(UNLISTED), mutated(seeds(UNLISTED)))


def streams(dataset):
    return list(dataset.queries()), list(dataset.passages()), list(dataset.judgements())


def check_stored(dataset, asked, told):
    """That the data stage writes it, or says why not."""
    folder = Path("stored")
    folder.mkdir()
    facts = judge(lambda: data.run(dataset, folder))
    shutil.rmtree(folder)
    if facts is not None:
        assert (facts["queries"], facts["passages"]) == ({"en": len(asked)}, {"en": len(told)})


@given(listed)
def lareqa_files(content):
    Path("en.json").write_bytes(content.data)
    dataset = Tiny(path=Path())
    found = judge(lambda: streams(dataset), "en.json")
    if found is None:
        return
    queries, passages, judged = [], [], []
    for a, group in enumerate(json.loads(content.data.decode("utf-8-sig"))["data"]):
        for p, each in enumerate(group["paragraphs"]):
            names = [f"{a:03}-{p:03}-{s:03}" for s in range(len(each["sentences"]))]
            for name, text in zip(names, each["sentences"], strict=True):
                whole = (text + each["context"]).replace("\n", "")
                passages.append(Passage(name, "en", whole))
            for one in each["qas"]:
                at = one["answers"][0]["answer_start"]
                inside = [first <= at < end for first, end in each["sentence_breaks"]]
                queries.append((one["id"], one["question"]))
                judged.append(Judgement(one["id"], "en", names[inside.index(True)]))
    assert [(query.item, query.text) for query in found[0]] == queries
    assert found[1:] == (passages, judged)
    check_stored(dataset, *found[:2])


def answers_by_hand(raw):
    """(question, paragraph) of each question that has an answer."""
    for group in json.loads(raw.decode("utf-8-sig"))["data"]:
        for each in group["paragraphs"]:
            for one in each["qas"]:
                if one.get("answers") != [] and not one.get("is_impossible"):
                    yield str(one["id"]), one["question"], each["context"]


def check_squad(name, unit):
    dataset = Squad(path=Path(name), language="en", unit=unit)
    found = judge(lambda: streams(dataset), name)
    if found is not None:
        check_stored(dataset, *found[:2])
    return found


@given(both, st.sampled_from(["paragraph", "sentence"]))
def squad_files(content, unit):
    Path("en.json").write_bytes(content.data)
    found = check_squad("en.json", unit)
    if found is not None and unit == "paragraph":
        texts = {passage.id: passage.text for passage in found[1]}
        questions: dict[str, Query] = {query.item: query for query in found[0]}
        told = [(one.item, questions[one.item].text, texts[one.passage]) for one in found[2]]
        assert told == list(answers_by_hand(content.data))


@given(packed(both))
def packed_squad_files(content):
    Path("en.json.gz").write_bytes(content.data)
    check_squad("en.json.gz", "paragraph")


@sized
def test_a_file_of_lareqa_is_read_as_it_says_or_refused(examples):
    survive(lareqa_files, examples)


@sized
def test_a_file_of_squad_is_read_as_it_says_or_refused(examples):
    survive(squad_files, examples)


@sized
def test_a_packed_file_of_squad_is_read_or_refused(examples):
    survive(packed_squad_files, examples)
