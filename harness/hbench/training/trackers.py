"""Experiment trackers (TensorBoard, MLflow, Weights & Biases), through accelerate."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hbench.errors import OptionError, did_you_mean
from hbench.store import slug

PROJECT = "hbench"
TRACKERS = ("mlflow", "tensorboard", "wandb")  # each is the name of its package too
MLFLOW = "MLFLOW_TRACKING_URI"
Scalar = str | float | int | bool | None


def check_trackers(names: Sequence[str]) -> None:
    """Whether trackers can be used, without importing them.

    Raises:
        OptionError: there is no such tracker, or its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise OptionError(f"--track {name}: {did_you_mean(name, TRACKERS)}")
        if find_spec(name) is None:
            raise OptionError(f"--track {name}: not installed; run `pip install {name}`")


@contextmanager
def tracking(
    names: Sequence[str], run: str, config: Mapping[str, Any], folder: Path
) -> Iterator[Callable[[Mapping[str, float], int], None]]:
    """A function ``track(values, step)`` that reports to all trackers.

    Args:
        names: of the trackers; none reports to nobody.
        run: what the training is called.
        config: what it is made of; JSON.
        folder: where trackers that write files do so.
    """
    before = os.environ.get(MLFLOW)
    trackers = [_start(name, run, folder) for name in names]
    for tracker in trackers:
        tracker.store_init_configuration(dict(_scalars(config)))

    def track(values: Mapping[str, float], step: int) -> None:
        for tracker in trackers:
            tracker.log(dict(values), step=step)

    try:
        yield track
    finally:
        for tracker in trackers:
            tracker.finish()
        if before is None:
            os.environ.pop(MLFLOW, None)


def _start(name: str, run: str, folder: Path) -> Any:  # noqa: ANN401 - accelerate's, untyped
    from accelerate import PartialState, tracking

    PartialState()  # its loggers fail before it knows of the processes; others have joined by now
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    if name == "tensorboard":
        tracker: Any = tracking.TensorBoardTracker(slug(run), logging_dir=place)
    elif name == "wandb":
        tracker = tracking.WandBTracker(PROJECT, name=run, dir=str(place))
    else:
        # A server of the user's own is named by the environment.
        os.environ.setdefault(MLFLOW, f"sqlite:///{place.resolve()}/mlflow.db")
        tracker = tracking.MLflowTracker(
            PROJECT, logging_dir=(place / "artifacts").resolve().as_uri(), run_name=run
        )
    tracker.start()
    return tracker


def _scalars(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    """Nested JSON as flat names and values.

    >>> dict(_scalars({"seed": 1, "sampler": {"use": "hybrid"}}))
    {'seed': 1, 'sampler.use': 'hybrid'}
    """
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield from _scalars({str(n): part for n, part in enumerate(value)}, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value
