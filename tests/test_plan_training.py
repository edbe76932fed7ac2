"""How the spec's words on training become jobs and their keys."""

import pytest

from hbench.errors import SpecError
from hbench.jobs import DataJob, TrainJob
from hbench.plan import make_plan
from hbench.provenance import Hardware
from hbench.resolved import resolved
from hbench.store import Store
from hbench.validate import load_spec

CPU = Hardware("cpu", 2)
SPEC = """\
version: 1
benchmarks:
  tiny:
    train:
      data: {some: {use: babel, split: train}}
      steps: 8
      batch_size: 4
      # more
    encoders: {small: {use: scratch, hidden: 32}}
    samplers: {mono: {use: mono}}
    objectives: {nce: {use: infonce}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""
VALIDATION = "validation: {data: {use: babel, split: test, seed: 8}, every: 2, patience: 3}"
SEVERAL = "objectives: {nce: [{use: infonce}, {use: lakda, weight: 0.5, share: 0.2}]}"


@pytest.fixture
def plan(tmp_path):
    """Plans the spec with one more line under ``train``, or with a line replaced."""

    def run(more="", *, replaced=("", ""), hardware=CPU):
        path = tmp_path / "f.yaml"
        path.write_text(SPEC.replace("# more", more).replace(*replaced), encoding="utf-8")
        return make_plan(load_spec(path), Store(tmp_path / "results"), hardware)

    return run


def system(plan):
    (job,) = (job for job in plan.jobs if isinstance(job, TrainJob))
    return job


def test_validation_data_is_a_job_that_training_needs(plan):
    found = plan(VALIDATION)
    job = system(found)
    assert [need.title for need in job.needs] == [
        "data babel split=train",
        "data babel split=test seed=8",
    ]
    assert found.jobs.index(job.validation) < found.jobs.index(job)
    assert sum(isinstance(other, DataJob) for other in found.jobs) == 3


@pytest.mark.parametrize(
    "more",
    [
        VALIDATION,
        VALIDATION.replace("every: 2", "every: 4"),
        VALIDATION.replace("patience: 3", "patience: 4"),
        VALIDATION.replace("seed: 8", "seed: 12"),
        "token_budget: 1024",
        "gradient_caching: true",
        "precision: bfloat16",
        "weight_decay: 0.1",
    ],
)
def test_whatever_can_change_the_weights_changes_the_key(plan, more):
    keys = {system(plan(words)).key for words in ("", VALIDATION, more)}
    assert len(keys) == (2 if more == VALIDATION else 3)


def test_precision_follows_the_device_unless_it_is_given(plan):
    def precision(more, device):
        return system(plan(more, hardware=Hardware(device, 2))).inputs["training"]["precision"]

    assert precision("", "cpu") == "float32"
    assert precision("", "cuda:1") == "bfloat16"
    assert precision("precision: float32", "cuda") == "float32"
    assert system(plan("precision: float32")).key == system(plan()).key


def test_the_number_of_processes_changes_the_key_of_training_alone(plan):
    one, two = plan(), plan(hardware=Hardware("cpu", 2, processes=2))
    assert system(one).key != system(two).key
    assert [a.key == b.key for a, b in zip(one.jobs, two.jobs, strict=True)][:1] == [True]


def test_several_objectives_are_one_weighted_sum(plan, tmp_path):
    found = plan(replaced=("objectives: {nce: {use: infonce}}", SEVERAL))
    job = system(found)
    assert [(weight, built.entry.name) for weight, built in job.objectives] == [
        (1.0, "infonce"),
        (0.5, "lakda"),
    ]
    store = Store(tmp_path / "results")
    assert job.folder(store).name.startswith("scratch-mono-infonce+lakda-s1-")
    spec = resolved(found.benchmarks[0], store)["spec"]
    assert spec["objectives"]["nce"][1] == {
        "use": "lakda", "weight": 0.5, "share": 0.2, "temperature": 0.05,
    }  # fmt: skip
    other = plan(replaced=("objectives: {nce: {use: infonce}}", SEVERAL.replace("0.5", "0.6")))
    assert system(other).key != job.key


@pytest.mark.parametrize(
    ("more", "replaced", "message"),
    [
        (
            "validation: {data: {use: bable}}",
            ("", ""),
            r"8:.*validation\.data.*did you mean 'babel'",
        ),
        ("validation: {data: {use: babel, splt: test}}", ("", ""), "no option 'splt'"),
        ("validation: {data: {use: babel}, evry: 2}", ("", ""), "evry: unknown key; did you mean"),
        ("validation: {every: 2}", ("", ""), "the key 'data' is missing"),
        ("token_budget: 0", ("", ""), "must be at least 1; found 0"),
        ("precision: float16", ("", ""), "'float32' or 'bfloat16'"),
        ("", ("{nce: {use: infonce}}", "{nce: []}"), "a list of objectives needs at least one"),
        ("", ("{nce: {use: infonce}}", "{nce: [{use: infnce}]}"), "did you mean 'infonce'"),
        ("", ("{nce: {use: infonce}}", "{nce: [{use: lakda, shre: 1}]}"), "no option 'shre'"),
    ],
)
def test_a_mistake_is_named_with_its_place(plan, more, replaced, message):
    with pytest.raises(SpecError, match=message):
        plan(more, replaced=replaced)
