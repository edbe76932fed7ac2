"""Leakage from end to end: what a run says and does about it."""

import re

import pytest
from typer.testing import CliRunner

from hbench.cli import app
from hbench.plan import make_plan
from hbench.provenance import find_hardware
from hbench.store import Store
from hbench.trainer import _validation
from hbench.validate import load_spec

SPEC = """
version: 1
benchmarks:
  toy:
    train:
      data: {pairs: {use: parallel, files: train.tsv}}
      steps: 2
      batch_size: 4
      leakage: ACTION
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers: {cross: {use: cross}}
    objectives: {infonce: {use: infonce}}
    evaluate:
      test: {data: {use: parallel, files: test.tsv}, settings: [cross], metrics: [map]}
"""
ANIMALS = ["horses", "goats", "sheep", "mules", "cows", "geese", "ducks", "pigs", "hens", "bees"]
TIERE = ["Pferde", "Ziegen", "Schafe", "Esel", "Kühe", "Gänse", "Enten", "Kater", "Hunde", "Bienen"]


def table(rows):
    return "en\tde\n" + "".join(f"{a}\t{b}\n" for a, b in rows)


def trained_on(number):
    """No two of them share three words in a row."""
    return (
        f"{ANIMALS[number].title()} were counted by {number + 3} tired clerks",
        f"{TIERE[number]} zählten {number + 3} müde Schreiber",
    )


TESTED = [
    ("Nobody knows today who built the old bridge here", "Heute weiß keiner, wer die Brücke baute"),
    ("The harbour freezes over in very cold winters", "In sehr kalten Wintern friert der Hafen zu"),
    ("A market is held on the first day of the month", "Am Ersten des Monats ist immer Markt"),
    ("Its chapel lost the roof in an autumn storm", "Ein Herbststurm nahm der Kapelle das Dach"),
    ("Roses and beans grow together in that garden", "In jenem Garten wachsen Rosen und Bohnen"),
    ("Two millers shared the windmill for fifty years", "Zwei Müller teilten sich die Mühle lange"),
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the spec; rows of the test are among those to train on, changed or not."""
    monkeypatch.chdir(tmp_path)

    def go(action, *leaking):
        rows = [trained_on(number) for number in range(10)]
        (tmp_path / "train.tsv").write_text(table([*rows, *leaking]), encoding="utf-8")
        (tmp_path / "test.tsv").write_text(table(TESTED), encoding="utf-8")
        (tmp_path / "f.yaml").write_text(SPEC.replace("ACTION", action), encoding="utf-8")
        return CliRunner().invoke(app, ["run", "f.yaml", "--device", "cpu"])

    return go


COPY = ("NOBODY knows  today who built the old bridge here", "ein ganz anderer Satz als dort")
NEAR = ("The harbour freezes over in very mild winters", "noch ein Satz, den keiner kennt")


def test_tables_and_the_run_say_that_nothing_was_found(run):
    done = run("warn")
    assert done.exit_code == 0, done.stderr
    told = "0 of 6 questions and 0 of 12 passages also occur in training (exact); 0 near"
    assert told in " ".join(done.stdout.split())
    assert "also occur" not in done.stderr


def test_a_copy_and_a_near_copy_are_told_and_trained_on_unless_said_otherwise(run):
    done = run("warn", COPY, NEAR)
    assert done.exit_code == 0, done.stderr
    # Query and passage of an item are one text here, so that each is found twice.
    told = "1 of 6 questions and 1 of 12 passages also occur in training (exact); 2 near"
    assert told in " ".join(done.stdout.split())
    assert f"note: {told}" in done.stderr
    assert items_of(done) == 12


def test_an_error_stops_before_training_and_shows_what_was_found(run, tmp_path):
    done = run("error", COPY, NEAR)
    assert done.exit_code == 2
    assert "toy: evaluate.test: 1 of 6 questions and 1 of 12 passages also occur" in done.stderr
    assert "the first is 'Nobody knows today who built the old bridge here'" in done.stderr
    assert "set train.leakage to warn or drop" in done.stderr
    assert not (tmp_path / "results" / "systems").exists()
    assert run("error").exit_code == 0


def test_dropped_items_are_not_trained_on_and_the_system_is_another_one(run, tmp_path):
    run("warn", COPY, NEAR)
    done = run("drop", COPY, NEAR)
    assert done.exit_code == 0, done.stderr
    assert "2 items that an evaluation knows are not trained on" in done.stderr
    assert "2 near; 2 items are not trained on for it" in " ".join(done.stdout.split())
    assert items_of(done) == 10
    assert len(list((tmp_path / "results" / "systems").iterdir())) == 2
    again = run("drop", COPY, NEAR)
    assert "everything is done already" in again.stderr


def items_of(done):
    """How many items the table of the training data counts."""
    (count,) = re.findall(r"^pairs +2: de en +(\d+)", done.stderr, re.M)
    return int(count)


def test_a_source_may_be_called_validation_and_each_loses_its_own_items(run, tmp_path):
    """The source holds the copies, and the held-out data has other lengths."""
    (tmp_path / "held.tsv").write_text(table(TESTED[2:] + [trained_on(n) for n in range(4)]))
    held = "      validation: {data: {use: parallel, files: held.tsv}, every: 1}\n"
    spec = SPEC.replace("{pairs: {use", "{validation: {use")
    spec = spec.replace("      leakage", f"{held}      leakage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "SPEC", spec)
        done = run("drop", COPY, NEAR)
    assert done.exit_code == 0, done.stderr
    (row,) = re.findall(r"^validation +2: de en +(\d+)", done.stderr, re.M)
    assert int(row) == 10
    assert "note: 5 of 6 questions and 9 of 12 passages also occur" in done.stderr
    store = Store(tmp_path / "results")
    plan = make_plan(load_spec(tmp_path / "f.yaml"), store, find_hardware("cpu"))
    (job,) = plan.benchmarks[0].systems["cross"].values()
    held_out = _validation(job, store)
    assert held_out is not None  # 4 of its 8 rows are the evaluation's
    assert held_out.queries == [*(trained_on(n)[1] for n in range(4)),
                                *(trained_on(n)[0] for n in range(4))]  # fmt: skip
