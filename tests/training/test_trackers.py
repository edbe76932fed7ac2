"""Trackers are told configuration and losses, and write inside the folder that they are given."""

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hbench.errors import OptionError
from hbench.store import slug
from hbench.training import trackers
from hbench.training.trackers import check_trackers, tracking

CONFIG = {"seed": 1, "sampler": {"use": "hybrid", "alpha": None}, "sources": [{"use": "a"}, "b"]}
FLAT = {"seed": 1, "sampler.use": "hybrid", "sources.0.use": "a", "sources.1": "b"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to write into; the working directory is another one, which must stay empty.

    accelerate knows of no processes yet, as in a run of one process.
    """
    from accelerate import PartialState

    PartialState._reset_state()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    yield tmp_path / "tracking"
    assert list(elsewhere.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"elsewhere", "tracking"}


def test_an_unknown_tracker_is_an_error_that_names_the_nearest():
    with pytest.raises(OptionError, match=r"--track tensorbord: did you mean 'tensorboard'\?"):
        check_trackers(["tensorbord"])
    with pytest.raises(OptionError, match="--track os: Allowed: mlflow, tensorboard, wandb"):
        check_trackers(["os"])  # a package that is installed


def test_a_tracker_that_is_not_installed_is_an_error_that_says_how_to_get_it(monkeypatch):
    installed = {"tensorboard"}
    monkeypatch.setattr(trackers, "find_spec", lambda name: name if name in installed else None)
    check_trackers(["tensorboard"])
    with pytest.raises(OptionError, match="wandb: not installed; run `pip install wandb`"):
        check_trackers(["tensorboard", "wandb"])


def test_no_tracker_is_always_right():
    check_trackers([])


def test_without_trackers_nothing_is_written(place):
    with tracking([], "a run", CONFIG, place) as track:
        track({"loss": 1.0}, 1)
    assert not place.exists()


def test_a_configuration_becomes_flat_names_and_values():
    assert dict(trackers._scalars(CONFIG)) == FLAT


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_holds_the_losses_and_the_configuration(place):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for name in ("hybrid s1", "hybrid/s2"):
        with tracking(["tensorboard"], name, CONFIG, place) as track:
            track({"loss": 0.5, "rate": 0.01}, 10)
            track({"loss": 0.25}, 20)
    runs = sorted((place / "tensorboard").iterdir())
    assert [run.name for run in runs] == [slug("hybrid s1"), slug("hybrid/s2")]
    for run in runs:
        read = reader.EventAccumulator(str(run)).Reload()
        assert [(e.step, e.value) for e in read.Scalars("loss")] == [(10, 0.5), (20, 0.25)]
        assert [e.step for e in read.Scalars("rate")] == [10]
        (written,) = run.rglob("hparams.yml")
        assert "sampler.use: hybrid" in written.read_text()


class Wandb(ModuleType):
    """As much of wandb as is used, writing down what it is told."""

    def __init__(self):
        super().__init__("wandb")
        self.__spec__ = ModuleSpec("wandb", None)
        self.told: list[Any] = []
        self.config = SimpleNamespace(update=lambda values, **_: self.told.append(dict(values)))

    def init(self, **options):
        self.told.append(options)
        return SimpleNamespace(
            log=lambda values, step: self.told.append((step, values)),
            finish=lambda: self.told.append("finished"),
        )


@pytest.fixture
def wandb(monkeypatch):
    module = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_wandb_is_told_the_run_its_configuration_and_losses(place, wandb):
    with tracking(["wandb"], "hybrid s1", CONFIG, place) as track:
        track({"loss": 0.5}, 10)
        track({"loss": 0.25}, 20)
    assert wandb.told == [
        {"project": "hbench", "name": "hybrid s1", "dir": str(place / "wandb")},
        FLAT,
        (10, {"loss": 0.5}),
        (20, {"loss": 0.25}),
        "finished",
    ]
    assert (place / "wandb").is_dir()


def test_trackers_are_finished_when_training_fails(place, wandb):
    with (
        pytest.raises(RuntimeError, match="no number"),
        tracking(["wandb"], "run", CONFIG, place) as track,
    ):
        track({"loss": 0.5}, 10)
        raise RuntimeError("no number")
    assert wandb.told[-1] == "finished"


class MLflow(ModuleType):
    """As much of MLflow as is used; where it would write is in the environment."""

    def __init__(self):
        super().__init__("mlflow")
        self.__spec__ = ModuleSpec("mlflow", None)
        self.told: list[Any] = []
        limits = SimpleNamespace(MAX_PARAM_VAL_LENGTH=500, MAX_PARAMS_TAGS_PER_BATCH=100)
        self.utils = SimpleNamespace(validation=limits)

    def search_experiments(self, filter_string):
        self.told.append(os.environ["MLFLOW_TRACKING_URI"])
        return []

    def create_experiment(self, name, artifact_location, tags):
        self.told.append((name, artifact_location))
        return "1"

    def start_run(self, run_name, experiment_id, **_):
        self.told.append((run_name, experiment_id))
        return self

    def log_params(self, values):
        self.told.append(values)

    def log_metrics(self, values, step):
        self.told.append((step, values))

    def end_run(self):
        self.told.append("finished")


@pytest.fixture
def without_server(monkeypatch):
    """No server of the user's own; afterwards the environment is as it was."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")


@pytest.fixture
def mlflow(monkeypatch, without_server):
    module = MLflow()
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return module


def test_mlflow_is_told_the_run_its_configuration_and_losses(place, mlflow):
    with tracking(["mlflow"], "hybrid s1", CONFIG, place) as track:
        track({"loss": 0.5}, 10)
    assert mlflow.told == [
        f"sqlite:///{place}/mlflow/mlflow.db",
        ("hbench", (place / "mlflow" / "artifacts").as_uri()),
        ("hybrid s1", "1"),
        FLAT,
        (10, {"loss": 0.5}),
        "finished",
    ]


def test_mlflow_reports_to_the_users_server(place, mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    with tracking(["mlflow"], "run", CONFIG, place):
        pass
    assert mlflow.told[0] == "http://localhost:5000"


def test_mlflow_writes_into_the_folder_of_each_training(place, mlflow):
    for name in ("one", "two"):
        with tracking(["mlflow"], "run", CONFIG, place / name):
            pass
    written = [entry for entry in mlflow.told if str(entry).startswith("sqlite")]
    assert written == [f"sqlite:///{place}/{name}/mlflow/mlflow.db" for name in ("one", "two")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("without_server")
def test_mlflows_own_database_holds_the_losses(place, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with tracking(["mlflow"], "hybrid s1", CONFIG, place) as track:
        track({"loss": 0.5}, 10)
        track({"loss": 0.25}, 20)
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'hbench'")
    (run,) = client.search_runs([experiment.experiment_id])
    points = client.get_metric_history(run.info.run_id, "loss")
    assert run.info.run_name == "hybrid s1"
    assert run.data.params["sampler.use"] == "hybrid"
    assert [(point.step, point.value) for point in points] == [(10, 0.5), (20, 0.25)]
