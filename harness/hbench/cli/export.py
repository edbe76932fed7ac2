"""``hbench export``: a finished system for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from hbench.cli import completing
from hbench.cli.common import DeviceOption, ResultsOption, answering, tell


def export(
    benchmark: Annotated[
        str, typer.Argument(metavar="BENCHMARK", autocompletion=completing.benchmarks)
    ],
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD", help="As the tables name it.", autocompletion=completing.methods
        ),
    ],
    target: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder.")],
    seed: Annotated[int | None, typer.Option(help="Default: the method's first.")] = None,
    depth: Annotated[int, typer.Option(min=1, help="Passages for each query.")] = 100,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Default: all.", autocompletion=completing.evaluations),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(metavar="FACTORY", help="Search by an approximate faiss index, as HNSW32."),
    ] = None,
    results: ResultsOption = Path("results"),
    device: DeviceOption = None,
) -> None:
    """Write a system's model, with a card, and its rankings (TREC)."""
    with answering() as answer:
        from hbench.card import model_card
        from hbench.exporter import Choice
        from hbench.exporter import export as write
        from hbench.findings import read_results
        from hbench.provenance import find_hardware
        from hbench.store import Store

        (resolved,) = read_results(results, [benchmark]).details
        choice = Choice(method, seed, dataset, depth, index)
        hardware, store = find_hardware(device), Store(results)
        for line in write(resolved, choice, store, hardware, target, tell, model_card):
            answer.text(line)
