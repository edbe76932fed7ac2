import json
import re
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from hbench.errors import HBenchError, OptionError, SpecError, printable
from hbench.spec import Spec
from hbench.specfile import SpecFile
from hbench.uses import MetricUse
from hbench.validate import apply_override, load_spec
from hbench_plugins.datasets.babel import Babel

EXAMPLE = (Path(__file__).parents[1] / "benchmarks.yaml").read_text(encoding="utf-8")
TINY = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: 2}
    encoders: {e: {use: scratch}}
    samplers: {mono: {use: mono}, hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    seeds: [1, 2]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, multi], metrics: [map, ndcg@10]}
"""
BROKEN = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: tarin}}, stps: 2}
    encoders: {e: {use: scrach}}
    samplers: {mono: {use: mono, language_wieght: 1}, hybrid: {use: hybrid, alpha: 2}}
    objectives: {infonce: {use: infonce, temperature: cold}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mno, multi], metrics: [map, ndcg, map]}
    claims:
      - {says: x, metric: map, setting: mono, method: {sampler: hybrd}, better_than: {smpler: mono}}
"""
CLAIM = "metric: map, setting: mono, method: {sampler: hybrid}, better_than: {sampler: mono}"


@pytest.fixture
def load(tmp_path):
    """Loads a text as a spec file."""
    path = tmp_path / "f.yaml"

    def run(text, *overrides):
        path.write_text(text, encoding="utf-8")
        return load_spec(path, overrides)

    return run


@pytest.fixture
def mistakes(load, tmp_path):
    """The mistakes of a text, without the folder in front of the file's name."""

    def run(text, *overrides):
        with pytest.raises(SpecError) as caught:
            load(text, *overrides)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return run


def test_the_example_that_ships_is_valid_and_means_what_it_says(load):
    spec = load(EXAMPLE)
    quickstart = spec.benchmarks["quickstart"]
    assert (quickstart.train.steps, quickstart.train.learning_rate) == (300, 0.002)
    assert (quickstart.train.schedule, quickstart.train.warmup) == ("linear", 0.1)
    assert [s.name for s in quickstart.evaluate["babel"].settings] == ["mono", "cross", "multi"]
    labels = [m.label for m in quickstart.evaluate["babel"].metrics]
    assert labels == ["map", "ndcg@10", "recall@1", "rank_distance"]
    assert quickstart.claims[0].rivals == ({"sampler": "mono"},)


def test_all_mistakes_of_shape_come_at_once_each_with_line_and_column(mistakes):
    text = BROKEN.replace("version: 1", "vrsion: 1").replace("use: infonce", "us: infonce")
    assert {line.partition(" mean")[0] for line in mistakes(text)} >= {
        "f.yaml:1:1: the key 'version' is missing; add it",
        "f.yaml:1:1: vrsion: unknown key; did you",
        "f.yaml:4:56: benchmarks.tiny.train.stps: unknown key; did you",
        "f.yaml:7:27: benchmarks.tiny.objectives.infonce: the key 'use' is missing; add it",
        "f.yaml:9:58: benchmarks.tiny.evaluate.test.settings.0: no setting is named 'mno': did you",
    }


def test_all_mistakes_of_meaning_come_at_once_each_with_line_and_column(mistakes):
    found = mistakes(BROKEN.replace("stps", "steps").replace("mno", "mono"))
    expected = [
        ("4:47: benchmarks.tiny.train.data.babel.split: dataset", "'test'; found 'tarin'"),
        ("5:25: benchmarks.tiny.encoders.e.use: no encoder is", "did you mean 'scratch'? Allowed"),
        ("6:34: benchmarks.tiny.samplers.mono.language_wieght", "did you mean 'language_weight'?"),
        ("6:84: benchmarks.tiny.samplers.hybrid.alpha: alpha is a", "from 0 to 1; found 2.0"),
        ("7:55: benchmarks.tiny.objectives.infonce.temperature", "must be a number; found 'cold'"),
        ("9:87: benchmarks.tiny.evaluate.test.metrics.1: metric", "needs the option 'k'"),
        ("9:93: benchmarks.tiny.evaluate.test.metrics.2: 'map' is", "given twice; keep one"),
        ("11:9: benchmarks.tiny.claims.0: no axis is named 'smpl", "did you mean 'sampler'?"),
        ("11:9: benchmarks.tiny.claims.0: no sampler is named 'h", "did you mean 'hybrid'? Allo"),
    ]
    assert len(found) == len(expected)
    for line, (beginning, hint) in zip(found, expected, strict=True):
        assert line.startswith(f"f.yaml:{beginning}")
        assert hint in line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: 1\nfoo: 1", "2:1: foo: unknown key; Allowed: benchmarks, version"),
        ("    seeds", "    seed", "did you mean 'seeds'? Allowed: claims, default, encoders,"),
        ("settings", "setings", "unknown key; did you mean 'settings'? Allowed: data, index, met"),
        ("[mono, multi]", "[{name: x, pol: [de]}]", "did you mean 'pool'? Allowed: name, pool"),
        ("    evaluate:", "    claims: [{sys: x}]\n    evaluate:", "sys: unknown key; did you mea"),
        ("version: 1", "version: 2", "1:10: version: this file is of version 2, and this hbench"),
        ("version: 1", "version: true", "1:10: version: must be a whole number; found true"),
        ("version: 1", "version: '1'", "whole number; found '1': remove the quotes"),
        ("steps: 2", "steps: 2.5", "4:63: benchmarks.tiny.train.steps: must be a whole number; fo"),
        ("steps: 2", "steps: '2'", "steps: must be a whole number; found '2': remove"),
        ("steps: 2", "steps: 0", "steps: must be at least 1; found 0"),
        ("steps: 2", "warmup: .nan", "found nan"),
        ("steps: 2", "schedule: liner", "must be 'linear', 'cosine' or 'constant'; found 'lin"),
        ("steps: 2", "learning_rate: 0", "must be above 0; found 0"),
        ("use: babel, split: train", "use: babel, split: train, weight: -1", "above 0; found -1"),
        ("use: babel, split: train", "use: babel", "dataset 'babel' (hbench 0.1.0) needs the opti"),
        ("{use: mono}", "mono", "must be a mapping; found 'mono': write {use: mono}"),
        ("{use: mono}", "{use: none, x: 1}", "the sampler 'none' has no options"),
        ("mono: {use", '"m\\x07": {use', "6:16: benchmarks.tiny.samplers.m?: must be of characters that can be"),  # noqa: E501
        ("mono: {use", '"": {use', "must be a text of 1 or more characters; found ''"),
        ("mono: {use", f"{'m' * 101}: {{use", "must be a text of at most 100 characters"),
        ("e: {use", "a/b: {use: scratch}, a: {use", "two methods are both named 'a/b/c'"),
        ("[1, 2]", "[1, 1]", "seeds must be given, each once; found [1, 1]"),
        ("[1, 2]", "[]", "seeds must be given, each once; found []"),
        ("[1, 2]", "[1, -1]", "8:16: benchmarks.tiny.seeds.1: must be at least 0; found -1"),
        ("[1, 2]", "[1, 4294967296]", "must be below 4294967296"),
        ("ndcg@10", "ndcg@x", "'ndcg@x': the cut-off after '@' must be a whole number from 1"),
        ("ndcg@10", "ndcg@0", "'ndcg@0': the cut-off after '@' must be a whole number from 1"),
        ("ndcg@10", "ndcg@-3", "'ndcg@-3': the cut-off after '@' must be a whole number from 1"),
        ("ndcg@10", "map@3", "metric 'map' (hbench 0.1.0) has no option 'k': nothing is allowed"),
        ("ndcg@10", "7", "metrics.1: must be a mapping; found 7"),
        ("ndcg@10", "'{use: ndcg, k: 10}'", "no metric is named '{use: ndcg, k: 10}'"),
        ("multi]", "mono]", "'mono' is given twice; keep one"),
        ("ndcg@10", "mrr, {use: mrr}", "metrics.2: 'mrr' is given twice; keep one"),
        ("multi]", "{name: multi, pool: [de]}]", "'multi' is a setting already; give the pool an"),
        ("multi]", "{name: x, pool: [de, de]}]", "pool 'x' names a language twice; keep one"),
        ("multi]", "{name: x, pool: [de, 3]}]", "pool.1: must be a text; found 3: put it in quotes"),  # noqa: E501
        ("ndcg@10]", "ndcg@10], index: HSNW32", "index 'HSNW32' (could not parse index string HS"),
        ("multi]", "{name: x}]", "or name a pool of your own: {name: nordic, pool: [da, sv]}"),
        ("    objectives: {infonce: {use: infonce}}\n", "", "samplers are given, but no 'objectiv"),
        ("    train: {data: {babel: {use: babel, split: train}}, steps: 2}\n", "", "no 'train': "),
        ("version: 1", "version: 1\nfoo: " + "[" * 250 + "]" * 250, "2:56: nested too deep"),
    ],
)  # fmt: skip
def test_each_mistake_says_what_is_wrong_and_what_is_allowed(old, new, expected, mistakes):
    text = TINY.replace(old, new, 1)
    if "a/b" in new:
        text = text.replace("mono: {use: mono}", "b/c: {use: mono}, c: {use: mono}")
    assert text != TINY
    found = mistakes(text)
    assert any(expected in line for line in found), found
    assert all(re.match(r"f\.yaml:\d+:\d+: ", line) and len(line) < 400 for line in found)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("", "a claim needs exactly one of better_than, not_worse_than, equal_to, languages"),
        ("languages: 3, leakage: 0", "found languages, leakage"),
        (f"{CLAIM}, description: true", "found better_than, description"),
        (f"{CLAIM}, languages: 3", "found better_than, languages"),
        ("better_than: {sampler: mono}", "a comparison also needs method, metric, setting"),
        (CLAIM.replace("better_than", "equal_to"), "equal_to needs a margin, fixed before the run"),
        (CLAIM.replace("better_than", "not_worse_than"), "not_worse_than needs a margin"),
        (f"{CLAIM}, margin: -1", "margin: must be at least 0; found -1"),
        (CLAIM.replace("map", "mrr"), "no evaluation measures 'mrr': Allowed: map, ndcg@10"),
        (CLAIM.replace("map", "ndcg@1"), "did you mean 'ndcg@10'?"),
        (CLAIM.replace("setting: mono", "setting: cross"), "no evaluation has the setting 'cross'"),
        (CLAIM.replace("{sampler: hybrid", "{encoder: hybrid"), "no encoder is named 'hybrid'"),
        (CLAIM.replace("{sampler: mono", "{seed: mono"), "no axis is named 'seed'"),
        (
            CLAIM.replace("{sampler: mono}", "[{sampler: mono}, {sampler: x}]"),
            "no sampler is named",
        ),
        (f"{CLAIM}, dataset: tset", "no evaluation is named 'tset': did you mean 'test'?"),
        ("evaluated: [tset]", "no evaluation is named 'tset': did you mean 'test'?"),
        ("metrics: [mrr]", "no evaluation measures 'mrr': Allowed: map, ndcg@10"),
        ("monolingual_batches: 0.5", "monolingual_batches also needs the method"),
        ("languages: 3, by: language", "'by' splits the queries of a comparison"),
    ],
)
def test_a_claim_that_no_figure_could_decide_is_a_mistake(claim, expected, mistakes):
    found = mistakes(TINY + f"    claims:\n      - {{says: x, {claim}}}\n")
    assert len(found) == 1
    column = 9 if "margin: -1" not in claim else 112
    assert found[0].startswith(f"f.yaml:12:{column}: benchmarks.tiny.claims.0")
    assert expected in found[0]


FIGURE = "dataset: test, metric: map, setting: mono, value: 0.5, source: Table 2"


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (f"{FIGURE}, method: hybird", "no method is named 'hybird': did you mean 'hybrid'?"),
        (f"{FIGURE}, method: {{sampler: hybird}}", "no sampler is named 'hybird'"),
        (f"{FIGURE}, method: {{encoder: e}}", "these fit: mono, hybrid; name more axes"),
        (f"{FIGURE}, method: hybrid, x: 1", "unknown key"),
        (f"{FIGURE}, method: hybrid".replace("map", "mrr"), "no evaluation measures 'mrr'"),
        (f"{FIGURE}, method: hybrid".replace("mono", "cross"), "has the setting 'cross'"),
        (f"{FIGURE}, method: hybrid".replace("test", "tset"), "did you mean 'test'?"),
    ],
)
def test_a_published_figure_of_nothing_that_is_measured_is_a_mistake(figure, expected, mistakes):
    found = mistakes(TINY + f"    published:\n      - {{{figure}}}\n")
    assert any(expected in line for line in found), found


def test_of_several_evaluations_a_published_figure_names_one(mistakes):
    other = TINY[TINY.index("      test:") :].replace("test:", "other:", 1)
    figure = FIGURE.replace("dataset: test, ", "")
    (found,) = mistakes(TINY + other + f"    published:\n      - {{{figure}, method: hybrid}}\n")
    assert "say which dataset it is of: test, other" in found


def test_published_figures_and_all_kinds_of_facts_are_taken(tmp_path):
    hybrid = "method: {sampler: hybrid}"
    text = TINY + f"    published:\n      - {{{FIGURE}, {hybrid}, query_language: de}}\n"
    facts = ["evaluated: [test]", "metrics: [map]", f"{hybrid}, monolingual_batches: 0.5"]
    text += "    claims:\n" + "".join(f"      - {{says: x, {fact}}}\n" for fact in facts)
    path = tmp_path / "f.yaml"
    path.write_text(text)
    (figure,) = load_spec(path).benchmarks["tiny"].published
    assert (figure.method, figure.value) == ({"sampler": "hybrid"}, 0.5)


def test_a_claim_needs_one_evaluation_that_has_both_its_metric_and_its_setting(mistakes):
    second = (
        '      more: {data: {use: babel, split: test}, settings: [pair], metrics: ["recall@7"]}\n'
    )
    claim = (
        "    claims:\n      - {says: x, metric: recall@7, setting: multi, method: {sampler: mono}, "
        "better_than: {sampler: mono}}\n"
    )
    found = mistakes(TINY + second + claim)
    assert [line.split(": ", 2)[2] for line in found] == [
        "no evaluation measures 'recall@7' in the setting 'multi'; add one to the other's",
        "the method is compared with itself; name another one",
    ]


def test_a_metric_must_not_be_called_like_a_column_of_the_scores(mistakes, monkeypatch):
    monkeypatch.setattr("hbench.validate.SCORE_KEYS", ("item", "map"))
    assert "'map' names a column of the scores files already" in mistakes(TINY)[0]


def test_claims_of_all_kinds_are_read(load):
    spec = load(
        TINY + "    claims:\n"
        f"      - {{says: a, {CLAIM}}}\n"
        f"      - {{says: b, {CLAIM.replace('better_than', 'equal_to')}, margin: 0.1}}\n"
        "      - {says: c, languages: 11}\n"
        "      - {says: d, settings: {mono: 11}}\n"
        "      - {says: e, leakage: 0}\n"
        "      - {says: f, description: true}\n"
    )
    assert [claim.says for claim in spec.benchmarks["tiny"].claims] == list("abcdef")
    assert [len(claim.rivals) for claim in spec.benchmarks["tiny"].claims] == [1, 1, 0, 0, 0, 0]


def test_a_pool_of_ones_own_is_read(load):
    spec = load(TINY.replace("multi]", "{name: west, pool: [en, de]}]"))
    setting = spec.benchmarks["tiny"].evaluate["test"].settings[1]
    assert (setting.name, setting.pool) == ("west", ("en", "de"))


@pytest.mark.parametrize(
    ("use", "label"),
    [
        ("map", "map"),
        ("ndcg@10", "ndcg@10"),
        ({"use": "ndcg", "k": 10}, "ndcg@10"),
        ({"use": "x", "k": 3, "b": "c", "a": 1}, "x@3[a=1,b=c]"),
    ],
)
def test_a_metric_has_one_label_however_it_is_written(use, label):
    assert MetricUse.model_validate_json(json.dumps(use)).label == label


def test_no_is_norwegian(load, monkeypatch):
    monkeypatch.setattr(Babel, "languages", lambda self: ("no", "da"))
    text = TINY.replace("multi]", "{name: nordic, pool: [no, da]}]")
    spec = load(text)
    assert spec.benchmarks["tiny"].evaluate["test"].settings[1].pool == ("no", "da")


def test_a_value_can_be_overridden(load, mistakes):
    spec = load(
        TINY,
        "benchmarks.tiny.train.steps=7",
        "benchmarks.tiny.seeds.1=9",
        "benchmarks.tiny.samplers={m: {use: mono}}",
        "benchmarks.tiny.train.learning_rate=1e-5",
    )
    benchmark = spec.benchmarks["tiny"]
    assert (benchmark.train.steps, benchmark.seeds, [*benchmark.samplers]) == (7, (1, 9), ["m"])
    assert benchmark.train.learning_rate == 1e-5
    (message,) = mistakes(TINY, "benchmarks.tiny.train.steps=many")
    assert message == (
        "f.yaml:4:63: benchmarks.tiny.train.steps: must be a whole number; found 'many' "
        "(from --set)"
    )
    (message,) = mistakes(TINY, "benchmarks.tiny.train.stps=1")
    assert "unknown key; did you mean 'steps'?" in message
    (message,) = mistakes(TINY, "benchmarks.tiny.train.steps=[1")
    assert message.startswith("--set benchmarks.tiny.train.steps:1:3: not valid YAML")


def test_an_override_says_from_where_on_the_file_is_not_the_users_any_more():
    data = {"a": {"b": [1, {"c": 2}]}}
    assert apply_override(data, "a.b.1.c=3") == ("a", "b", "1", "c")
    assert apply_override(data, "a.x.y=4") == ("a", "x")
    assert data == {"a": {"b": [1, {"c": 3}], "x": {"y": 4}}}


def test_an_override_leaves_what_an_alias_repeats_as_it_is(load):
    text = TINY.replace("train: {data", "train: &x {data", 1)
    second = TINY.split("  tiny:\n")[1].replace(
        "train: {data: {babel: {use: babel, split: train}}, steps: 2}", "train: *x"
    )
    spec = load(f"{text}  other:\n{second}", "benchmarks.tiny.train.steps=7")
    assert [b.train.steps for b in spec.benchmarks.values()] == [7, 2]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "write PATH=VALUE"),
        ("=3", "write PATH=VALUE"),
        ("a.b.c=1", "'b' is not a part of what stands there, 1; set that as a whole"),
        ("a.b=1", "'b' is not a part of what stands there"),
        ("l.1=1", "'1' is not a part of what stands there, a list; its parts are 0 to 0"),
        ("e.0=1", "'0' is not a part of what stands there, a list; it has no parts"),
        ("l.x=1", "'x' is not a part of what stands there"),
        ("l.-1=1", "'-1' is not a part of what stands there"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(override, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        apply_override({"a": 1, "l": [0], "e": []}, override)


@pytest.mark.parametrize(
    ("text", "found"), [("", "nothing"), ("[1]", "a list"), ("abc", "'abc'"), ("3", "3")]
)
def test_a_file_that_is_no_mapping_is_refused(text, found, mistakes):
    assert mistakes(text) == [
        f"f.yaml:1:1: a spec has the keys version and benchmarks; found {found}"
    ]


@pytest.fixture(scope="module")
def mutated_file(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated") / "f.yaml"


VALUES = st.sampled_from(
    [None, True, 0, -1, 10**30, 0.5, float("nan"), float("inf"), "", "x", "ndcg@x", "a/b", "\x1b",
     [], ["mono"], {}, {"use": "mono"}, {"use": "none"}, {"a": {"b": [1]}}, "none", "xquad-r"]
)  # fmt: skip


def places(value, path=()):
    """The paths of all values in a value."""
    parts = (
        value
        if isinstance(value, dict)
        else dict(enumerate(value if isinstance(value, list) else ()))
    )
    for step, child in parts.items():
        yield (*path, step)
        yield from places(child, (*path, step))


ORIGINAL = SpecFile(EXAMPLE, "f").data
ORIGINAL["benchmarks"] = {"quickstart": ORIGINAL["benchmarks"]["quickstart"]}
PLACES = list(places(ORIGINAL))


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["set", "drop", "rename"]), VALUES),
        min_size=1,
        max_size=3,
    )
)
def test_a_mutated_example_is_valid_or_a_mistake_of_the_user(mutated_file, mutations):
    data = json.loads(json.dumps(ORIGINAL))
    for (*parents, last), action, value in mutations:
        holder = data
        with suppress(KeyError, IndexError, TypeError, AttributeError):  # gone by a mutation before
            for step in parents:
                holder = holder[step]
            if action == "set":
                holder[last] = value
            else:
                old = holder.pop(last)
                if action == "rename":
                    holder[str(value)] = old
    mutated_file.write_text(
        json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf"), encoding="utf-8"
    )
    try:
        assert isinstance(load_spec(mutated_file), Spec)
    except HBenchError as error:
        assert str(error)
        assert printable(str(error)) == str(error)
