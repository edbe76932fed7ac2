"""What a user gets wrong in a spec or an option is told whole: where, what is wrong, what helps."""

import pytest
from tests.bad_input import cases, told, write
from tests.toy_results import resolved, write_benchmark, write_scores


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


SPECS = """
use: mono -> use: mno
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: no sampler is named 'mno': did you mean 'mono'?
    Allowed: cross, hybrid, mixed, mono, source (`hbench plugins sampler` lists them), or install
    the package that has it
use: hybrid -> use: hybrid, alhpa: 0.5
    f.yaml:6:57: benchmarks.tiny.samplers.hybrid.alhpa: sampler 'hybrid' (hbench 0.1.0) has no
    option 'alhpa': did you mean 'alpha'? Allowed: alpha, language_weight, pairs, source_weight,
    without
steps: 2 -> stps: 2
    f.yaml:4:55: benchmarks.tiny.train.stps: unknown key; did you mean 'steps'? Allowed: batch_size,
    clip, data, deterministic, gradient_caching, leakage, learning_rate, precision, schedule, steps,
    token_budget, validation, warmup, weight_decay
use: scratch -> hidden: 8
    f.yaml:5:19: benchmarks.tiny.encoders.e: the key 'use' is missing; add it
steps: 2 -> steps: two
    f.yaml:4:62: benchmarks.tiny.train.steps: must be a whole number; found 'two'
steps: 2 -> steps: '2'
    f.yaml:4:62: benchmarks.tiny.train.steps: must be a whole number; found '2': remove the quotes
steps: 2 -> clip: yes
    f.yaml:4:61: benchmarks.tiny.train.clip: must be a number; found 'yes'
steps: 2 -> gradient_caching: yes
    f.yaml:4:73: benchmarks.tiny.train.gradient_caching: must be true or false; found 'yes'
use: scratch -> use: 3
    f.yaml:5:25: benchmarks.tiny.encoders.e.use: must be a text; found 3: put it in quotes
{use: scratch} -> scratch
    f.yaml:5:19: benchmarks.tiny.encoders.e: must be a mapping; found 'scratch': write {use:
    scratch}
{e: {use: scratch}} -> [scratch]
    f.yaml:5:15: benchmarks.tiny.encoders: must be a mapping; found a list: write NAME: VALUE,
    without '-' and brackets
[map] -> map
    f.yaml:10:74: benchmarks.tiny.evaluate.test.metrics: must be a list; found 'map': write [map]
seeds: [1] -> seeds: 3
    f.yaml:8:12: benchmarks.tiny.seeds: must be a list; found 3: write [3], or several as [1, 2, 3]
[map] -> [ndcg]
    f.yaml:10:75: benchmarks.tiny.evaluate.test.metrics.0: metric 'ndcg' (hbench 0.1.0) needs the
    option 'k'; add it, as ndcg@10
use: scratch -> use: scratch, hidden: wide
    f.yaml:5:42: benchmarks.tiny.encoders.e.hidden: encoder 'scratch' (hbench 0.1.0), option
    'hidden': must be a whole number; found 'wide'
use: scratch -> use: scratch, query_prefix: 3
    f.yaml:5:48: benchmarks.tiny.encoders.e.query_prefix: encoder 'scratch' (hbench 0.1.0), option
    'query_prefix': must be a text; found 3: put it in quotes
version: 1 -> version: 2
    f.yaml:1:10: version: this file is of version 2, and this hbench reads 1; upgrade hbench
version: 1 -> # no version
    f.yaml:2:1: the key 'version' is missing; add it
version: 1 -> version: '1'
    f.yaml:1:10: version: must be a whole number; found '1': remove the quotes
version: 1 -> version: 0
    f.yaml:1:10: version: must be at least 1; found 0
"""


@pytest.mark.parametrize(("change", "message"), cases(SPECS))
def test_a_mistake_in_a_spec_is_told_whole(change, message):
    write(change)
    assert told("validate", "f.yaml") == message


OVERRIDES = """
steps
    --set 'steps': write PATH=VALUE, as train.steps=10
benchmarks.tniy.train.steps=1
    --set 'benchmarks.tniy.train.steps=1': no benchmark is named 'tniy': did you mean 'tiny'?
    Allowed: tiny
benchmarks.tiny.train.stps=1
    f.yaml:4:12: benchmarks.tiny.train.stps: unknown key; did you mean 'steps'? Allowed: batch_size,
    clip, data, deterministic, gradient_caching, leakage, learning_rate, precision, schedule, steps,
    token_budget, validation, warmup, weight_decay (from --set)
benchmarks.tiny.train.steps=two
    f.yaml:4:62: benchmarks.tiny.train.steps: must be a whole number; found 'two' (from --set)
benchmarks.tiny.encoders.f.hidden=8
    f.yaml:5:15: benchmarks.tiny.encoders.f: the key 'use' is missing; add it (from --set)
benchmarks.tiny.train.steps=[1
    --set benchmarks.tiny.train.steps:1:3: not valid YAML: while parsing a flow sequence expected
    ',' or ']', but got '<stream end>'; put a comma, or close the bracket that opens in line 1
benchmarks.tiny.seeds.7=1
    --set 'benchmarks.tiny.seeds.7=1': '7' is not a part of what stands there, a list; its parts are
    0 to 0
version.x=1
    --set 'version.x=1': 'x' is not a part of what stands there, 1; set that as a whole
"""
TOO_DEEP = ": nested too deeply; 50 levels are allowed"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        *cases(OVERRIDES),
        (".".join("a" * 5000) + "=1", f"--set 'a{'.a' * 27}....{TOO_DEEP}"),
        ("a=" + "[" * 5000, f"--set a:1:51{TOO_DEEP}"),
    ],
)
def test_an_override_that_is_wrong_is_told_with_the_option(override, message):
    write()
    assert told("validate", "f.yaml", "--set", override) == message


def test_an_index_of_thousands_of_digits_is_no_part_of_a_list():
    write()
    message = told("validate", "f.yaml", "--set", f"benchmarks.tiny.seeds.{'9' * 5000}=1")
    assert message.endswith("is not a part of what stands there, a list; its parts are 0 to 0")
    assert len(message) < 250


RUNS = """
--device cuda
    device 'cuda' was chosen, and torch VERSION sees 0 CUDA devices; install torch for CUDA, or use
    --device cpu
--device cuda:7
    device 'cuda:7' was chosen, and torch VERSION sees 0 CUDA devices; install torch for CUDA, or
    use --device cpu
--device mps
    device 'mps' was chosen, and torch sees none; use --device cpu
--device tpu
    --device: no device is named 'tpu'; give cpu, cuda, cuda:0 or mps
--only tniy
    --only tniy: did you mean 'tiny'? Allowed: tiny
--track wnadb
    --track wnadb: did you mean 'wandb'? Allowed: mlflow, tensorboard, wandb
--track wandb
    --track wandb: not installed; run `pip install wandb`
--executor lcoal
    no executor is named 'lcoal': did you mean 'local'? Allowed: local (`hbench plugins executor`
    lists them), or install the package that has it
"""


@pytest.mark.parametrize(("words", "message"), cases(RUNS))
def test_a_run_that_cannot_be_is_told_and_writes_nothing(words, message, folder, monkeypatch):
    import torch

    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("hbench.training.trackers.find_spec", lambda name: None)
    write()
    assert told("run", "f.yaml", *words.split()) == message.replace("VERSION", torch.__version__)
    assert [path.name for path in folder.iterdir()] == ["f.yaml"]


RESULTS = """
compare tyo
    results/benchmarks/tyo: no such benchmark here; did you mean 'toy'? Allowed: toy
verify tyo
    results/benchmarks/tyo: no such benchmark here; did you mean 'toy'? Allowed: toy
report tyo
    results/benchmarks/tyo: no such benchmark here; did you mean 'toy'? Allowed: toy
export tyo good --to out
    results/benchmarks/tyo: no such benchmark here; did you mean 'toy'? Allowed: toy
export toy godo --to out
    toy: no method 'godo': did you mean 'good'? Allowed: good, same, worse
export toy good --to out --seed 9
    --seed 9: good has the seeds 1, 2
export toy good --to out --dataset tset
    --dataset tset: did you mean 'test'? Allowed: test
compare --dataset tset
    --dataset tset: did you mean 'test'? Allowed: test
compare --setting mno
    --setting mno: did you mean 'mono'? Allowed: mono, multi
compare --metric mpa
    --metric mpa: did you mean 'map'? Allowed: map, mrr, rank_distance
compare --baseline godo
    --baseline godo: toy has no such method; did you mean 'good'? Allowed: good, same, worse
compare --alpha 2
    --alpha 2.0: must lie between 0 and 1, as 0.05
"""


@pytest.mark.parametrize(("words", "message"), cases(RESULTS))
def test_a_name_that_no_result_has_is_answered_with_the_nearest(words, message, folder):
    write_scores(folder / "results")
    write_benchmark(folder / "results", resolved())
    assert told(*words.split()) == message


@pytest.mark.parametrize("words", ["compare", "verify", "report", "export a b --to c"])
def test_where_nothing_was_run_the_command_to_run_is_told(words):
    assert told(*words.split()) == (
        "results/benchmarks: holds no benchmark; run one with `hbench run benchmarks.yaml`"
    )
