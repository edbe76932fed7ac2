"""Whatever a job reads of the results is checked first: damage is named, and made anew."""

import re

import pytest
from tests.toy_manifests import change_manifest
from tests.toy_spec import FILES, table, toy_spec
from typer.testing import CliRunner

from hbench.cli import app
from hbench.jobs import DataJob, EncodeJob
from hbench.manifests import MANIFEST
from hbench.plan import make_plan
from hbench.provenance import find_hardware
from hbench.store import Store
from hbench.validate import load_spec

SPEC = toy_spec(
    data=FILES,
    training="steps: 2, batch_size: 4, leakage: drop",
    sampler="cross",
    more="transforms: {middle: {use: centering}}",
    settings="cross",
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the benchmark, to its end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(SPEC)
    (tmp_path / "train.tsv").write_text(table("horse"))
    (tmp_path / "test.tsv").write_text(table("goose"))

    def go():
        done = CliRunner().invoke(app, ["run", "f.yaml", "--device", "cpu"])
        assert done.exit_code == 0, done.stderr
        return done

    return go


def test_a_run_sweeps_what_dead_ones_left_unfinished(run, tmp_path):
    left = tmp_path / "results" / "cache" / "unfinished" / "dead"
    left.mkdir(parents=True)
    left.with_suffix(".lock").touch()
    run()
    assert list(left.parent.iterdir()) == []


def no_more(*patterns):
    """Let the folders of these manifests count as not there."""

    def forget(results):
        for pattern in patterns:
            found = list(results.glob(f"{pattern}/{MANIFEST}"))
            assert found, pattern
            for path in found:
                path.unlink()

    return forget


def without_scores(results):
    """As after the ranking: what was counted is read again."""

    def change(manifest):
        (folder / "scores.parquet").unlink()
        return {name: value for name, value in manifest.items() if name != "scores"}

    (folder,) = (path.parent for path in results.glob("systems/*/eval/*/scores.parquet"))
    change_manifest(folder, change)


def nothing(results):
    """The tables read it each time."""


RANKED, SYSTEM, VECTORS = "systems/*/eval/*", "systems/*", "cache/vectors/*"


@pytest.mark.parametrize(
    ("damaged", "forget"),
    [
        ("data/*/passages-de.arrow", no_more(RANKED, SYSTEM)),
        ("data/*/judgements.arrow", no_more(RANKED, SYSTEM)),
        ("leakage/*/*.npz", no_more(SYSTEM)),
        ("cache/tokens/*/tokens.arrow", no_more(SYSTEM)),
        ("systems/*/model/model.safetensors", no_more(RANKED, VECTORS)),
        ("cache/vectors/*/vectors.safetensors", no_more(RANKED)),
        ("systems/*/transforms/*/*.npz", no_more(RANKED)),
        ("systems/*/eval/*/beats.npz", without_scores),
        ("systems/*/eval/*/scores.parquet", nothing),
    ],
)
def test_what_a_job_reads_is_made_anew_if_it_is_damaged_and_the_tables_stay(
    run, tmp_path, damaged, forget
):
    before, results = run().stdout, tmp_path / "results"
    forget(results)
    contents = {path: path.read_bytes() for path in results.glob(damaged)}
    for path, content in contents.items():
        path.write_bytes(content[: len(content) // 2] + b"?" + content[len(content) // 2 + 1 :])
    done = run()
    assert done.stdout == before
    named = re.findall(r"note: (\S+) was damaged \((\S+?)[):]", done.stderr)
    assert named  # one at least: of the tokens and vectors this run needs some
    for folder, name in named:
        path = tmp_path / folder / name
        assert path.read_bytes() == contents[path]


def test_vectors_whose_data_is_set_aside_at_that_moment_are_not_done(run, tmp_path, monkeypatch):
    """As another process does it, between two looks of this one at the data."""
    run()
    store, hardware = Store(tmp_path / "results"), find_hardware("cpu")
    jobs = make_plan(load_spec(tmp_path / "f.yaml"), store, hardware).jobs
    vectors = next(job for job in jobs if isinstance(job, EncodeJob))
    assert vectors.is_done(store)
    data_is_done = DataJob.is_done

    def then_set_aside(job, store):
        found = data_is_done(job, store)
        (job.folder(store) / MANIFEST).unlink()
        return found

    monkeypatch.setattr(DataJob, "is_done", then_set_aside)
    assert not vectors.is_done(store)
