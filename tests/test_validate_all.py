"""Whatever else is wrong with a spec, each of its mistakes is told, and nothing that follows."""

import re
from itertools import chain

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from tests.timing import SECOND, timed

from hbench.errors import SpecError
from hbench.validate import load_spec

SPEC = """\
version: 1
benchmarks:
  tiny:
    default: true
    train:
      data:
        first: {use: babel, split: train}
        second: {use: babel, split: train, weight: 2}
      validation:
        data: {use: babel, split: test}
        every: 5
      steps: 2
      batch_size: 4
    encoders:
      small: {use: scratch, hidden: 8}
      large: {use: scratch, hidden: 16}
    samplers:
      mono: {use: mono}
      hybrid: {use: hybrid, alpha: 0.5}
      before: {use: none}
    objectives:
      one: {use: infonce, temperature: 0.1}
      both:
        - {use: infonce}
        - {use: lakda, weight: 0.5}
    transforms:
      plain: {use: none}
      moved:
        use: shift
        data: {use: babel, split: train, seed: 1}
      whole: {use: shift}
    seeds: [1, 2]
    evaluate:
      first:
        data: {use: babel, split: test}
        settings:
          - mono
          - multi
          - {name: west, pool: [de, en]}
        metrics:
          - map
          - mrr
          - recall@5
          - ndcg@10
        top_k: 20
        index: HNSW32
      second:
        data: {use: babel, split: test, seed: 2}
        settings: [mono]
        metrics: [map]
    claims:
      - {says: a, dataset: second, metrics: [map]}
      - {says: b, method: {sampler: mono}, monolingual_batches: 0.5}
      - {says: c, evaluated: [first]}
      - {says: d, languages: 8}
    published:
      - {method: small/mono/one/plain, dataset: second, setting: mono, metric: map, value: 1, source: x}
"""  # noqa: E501
# A line of the spec and what stands there by mistake; each in another part.
TABLE = """
version: 1 -> version: true
default: true -> defalt: true
first: {use: babel, split: train} -> first: {use: bable, split: train}
second: {use: babel, split: train, weight: 2} -> second: {use: babel, splt: train, split: train}
data: {use: babel, split: test} -> data: {use: babel, split: tset}
every: 5 -> every: 0
steps: 2 -> steps: '2'
batch_size: 4 -> batchsize: 4
small: {use: scratch, hidden: 8} -> small: {use: scrach, hidden: 8}
large: {use: scratch, hidden: 16} -> large: {use: scratch, hiden: 16}
large: {use: scratch, hidden: 16} -> large: {use: scratch, cls: 16}
large: {use: scratch, hidden: 16} -> large: {use: scratch, _fields_set: 16}
mono: {use: mono} -> mono: {use: momo}
hybrid: {use: hybrid, alpha: 0.5} -> hybrid: {use: hybrid, alfa: 0.5}
before: {use: none} -> before: {use: none, alpha: 1}
one: {use: infonce, temperature: 0.1} -> one: {use: infonce, temprature: 0.1}
- {use: infonce} -> - {use: infonse}
- {use: lakda, weight: 0.5} -> - {use: lakda, weight: heavy}
plain: {use: none} -> plain: {use: nnone}
data: {use: babel, split: train, seed: 1} -> data: {use: babel, split: train, sed: 1}
whole: {use: shift} -> whole: {use: shift, x: 1}
seeds: [1, 2] -> seeds: [1, 1]
- mono -> - mno
- multi -> - mono
- {name: west, pool: [de, en]} -> - {name: west, pool: [de, eng]}
- map -> - mpa
- mrr -> - {use: mrr, x: 1}
- recall@5 -> - map
- ndcg@10 -> - language_share@30
- ndcg@10 -> - ndcg
- ndcg@10 -> - ndcg@x
top_k: 20 -> top_k: [20]
index: HNSW32 -> index: HSNW32
data: {use: babel, split: test, seed: 2} -> data: {use: babel, split: 3, seed: 2}
- {says: a, dataset: second, metrics: [map]} -> - {says: a, dataset: second, metrics: [mpa]}
- {says: a, dataset: second, metrics: [map]} -> - {says: a, dataset: scond, metrics: [map]}
- {says: b, method: {sampler: mono}, -> - {says: b, method: {sampler: momo},
- {says: b, method: {sampler: mono}, -> - {says: b, method: {samplr: mono},
- {says: c, evaluated: [first]} -> - {says: c, evaluated: [frist]}
- {says: d, languages: 8} -> - {says: d, languges: 8, languages: 8}
- {says: d, languages: 8} -> - {says: d}
- {method: small/mono/one/plain, -> - {method: small/mono/one,
- {method: small/mono/one/plain, -> - {x: 1, method: small/mono/one/plain,
"""
MISTAKES = [tuple(line.split(" -> ")) for line in TABLE.strip().splitlines()]
# One changes what the other speaks of.
TOGETHER = {("top_k: 20", "- ndcg@10"), ("- mono", "- multi"),
            ("- map", "- recall@5")}  # fmt: skip


def with_mistakes(mistakes):
    """The spec with some of its lines replaced."""
    text = SPEC
    for old, new in mistakes:
        pattern = rf"(?m)^( *){re.escape(old)}(?=$| )"
        text, count = re.subn(pattern, rf"\g<1>{new}", text, count=1)
        assert count == 1, old
    return text


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A function that gives the lines of a message, and takes less than a second."""
    path = tmp_path_factory.mktemp("all") / "f.yaml"

    def refused():
        with pytest.raises(SpecError) as caught:
            load_spec(path)
        return caught

    def lines(text):
        path.write_text(text, encoding="utf-8")
        caught, took = timed(refused)
        assert took < SECOND
        return str(caught.value).replace(f"{path}:", "").splitlines()

    path.write_text(SPEC, encoding="utf-8")
    load_spec(path)  # imports what is needed
    return lines


@pytest.fixture(scope="module")
def alone(told):
    """What is told of each mistake if there is no other."""
    return {mistake: told(with_mistakes([mistake])) for mistake in MISTAKES}


def test_a_mistake_is_told_once_and_nothing_that_follows_from_it(alone):
    assert {mistake: lines for mistake, lines in alone.items() if len(lines) != 1} == {}


def are_apart(mistakes):
    """Whether each is in another line, and none changes what another speaks of."""
    lines = [old for old, _ in mistakes]
    return len({*lines}) == len(lines) and not any({*pair} <= {*lines} for pair in TOGETHER)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(MISTAKES), min_size=2, max_size=6).filter(are_apart))
def test_mistakes_in_several_places_are_told_as_each_of_them_alone(told, alone, mistakes):
    expected = chain.from_iterable(alone[mistake] for mistake in mistakes)
    assert sorted(told(with_mistakes(mistakes))) == sorted(expected)


def test_a_mistake_in_every_part_is_told_at_once(told, alone):
    chosen = {old: (old, new) for old, new in MISTAKES}
    del chosen["- multi"], chosen["- recall@5"]
    expected = chain.from_iterable(alone[mistake] for mistake in chosen.values())
    assert sorted(told(with_mistakes(chosen.values()))) == sorted(expected)
    assert len(chosen) == 33


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("train", "samplers are given, but no 'train': say what to train on"),
        ("encoders", "the key 'encoders' is missing; add it"),
        ("samplers", "the key 'samplers' is missing; add it"),
        ("objectives", "samplers are given, but no 'objectives': add {infonce: {use: infonce}}"),
        ("evaluate", "the key 'evaluate' is missing; add it"),
    ],
)
def test_a_section_that_is_missing_is_one_mistake_and_hides_none(section, message, told):
    text = re.sub(rf"(?m)^    {section}:\n(?:     .*\n)+", "", SPEC)
    (line,) = told(text)
    assert line.endswith(f": {message}")
    mistaken = text.replace("use: scratch, hidden: 8", "use: scrach").replace("seeds", "sed")
    found = told(mistaken.replace("use: shift", "use: shfit"))
    assert {line} < {*found}
    assert len(found) == 5 - (section == "encoders")


def test_several_mistakes_in_one_claim_are_all_told(told):
    claim = "- {says: a, dataset: second, metrics: [map]}"
    wrong = (
        "- {says: a, dataset: second, metric: mpa, setting: mno, margin: -1, x: 1, "
        "method: {sampler: mono}, better_than: {sampler: momo}}"
    )
    found = told(with_mistakes([(claim, wrong)]))
    assert len(found) == 5
    for part in ["x: unknown key", "margin: must be at least 0", "no evaluation measures 'mpa'",
                 "no evaluation has the setting 'mno'", "no sampler is named 'momo'"]:  # fmt: skip
        assert any(part in line for line in found), part


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("seeds: [1, 2]", "seeds: 3", "found 3: write [3], or several as [1, 2, 3]"),
        ("metrics: [map]", "metrics: map", "found 'map': write [map]"),
        ("metrics: [map]", "metrics: map, mrr", "found 'map, mrr': write [map, mrr]"),
        ("metrics: [map]", "metrics: 'map: x'", "'map: x': write it in brackets, as [a, b]"),
        ("metrics: [map]", f"metrics: {'m' * 61}", "write it in brackets, as [a, b]"),
        ("seeds: [1, 2]", "seeds: true", "found true: write it in brackets, as [a, b]"),
        ("- ndcg@10", "- ndcg", "needs the option 'k'; add it, as ndcg@10"),
    ],
)
def test_what_is_nearly_right_is_told_as_it_is_to_be_written(old, new, advice, told):
    (line,) = told(SPEC.replace(old, new, 1))
    assert line.endswith(advice)
