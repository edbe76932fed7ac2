"""``hbench doctor``: versions, devices, threads, caches, and what will bite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hbench.cli.common import ResultsOption, answering, tell

if TYPE_CHECKING:
    from hbench.doctor import Finding, Folder, Machine

WIDTH = 80
LABEL = 12  # columns
SLOW = 2.0  # seconds after which a word on what takes so long is due


def doctor(
    results: ResultsOption = Path("results"),
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
) -> None:
    """Show what is installed, what this machine has, what will bite."""
    with answering() as answer:
        from dataclasses import asdict
        from threading import Timer

        from hbench.doctor import examine, findings

        said = Timer(SLOW, tell, ["importing torch and all plugins ..."])
        said.daemon = True
        said.start()
        try:
            machine = examine(results)
        finally:
            said.cancel()
            said.join()  # or else it might still write when all is over
        found = findings(machine)
        if form == "json":
            content = {**asdict(machine), "findings": [asdict(each) for each in found]}
            answer.json(content, ascii_only=True)
        else:
            answer.text("\n".join([*facts(machine), "", *bites(found)]))


def facts(machine: "Machine") -> list[str]:
    """The machine, a label and its facts in each paragraph."""
    from hbench.doctor.judging import sized

    versions = {name: text for name, text in machine.versions.items() if text}
    models = sized(machine.hub.free)
    lines = [
        _line("hbench", f"{versions.pop('hbench', '?')}, Python {versions.pop('python', '?')}"),
        _line("system", machine.platform),
        _line("libraries", ", ".join(f"{name} {text}" for name, text in versions.items())),
        _line("extras", _extras(machine.extras)),
        _line("devices", _devices(machine)),
        _line("cores", _cores(machine)),
        _line("memory", _memory(machine)),
        _line("results", _folder(machine.results)),
        _line("cache", _folder(machine.cache)),
        _line("hub cache", _folder(machine.hub)),
        _line("compiled", _folder(machine.compiled)),
        _line("disk", f"{sized(machine.results.free)} free for results, {models} for models"),
        _line("settings", ", ".join(f"{k}={v}" for k, v in machine.settings.items()) or "none"),
        _line("plugins", ", ".join(_counted(n, kind) for kind, n in machine.plugins.items())),
        _line("terminal", machine.encoding),
    ]
    return [line for paragraph in lines for line in paragraph]


def bites(found: "Sequence[Finding]") -> list[str]:
    """What will bite, each with its consequence and what mends it."""
    if not found:
        return ["nothing found that will bite"]
    lines = ["what will bite:"]
    for each in found:
        lines += ["", *_wrapped(each.what, "  * ", "    ")]
        lines += _wrapped(f"{each.consequence}", "    so:    ", "           ")
        lines += _wrapped(f"{each.mend}", "    mend:  ", "           ")
    return lines


def _line(label: str, text: str) -> list[str]:
    return _wrapped(text, f"{label:<{LABEL}}", " " * LABEL)


def _wrapped(text: str, first: str, others: str) -> list[str]:
    from textwrap import wrap

    return wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    ) or [first.rstrip()]


def _extras(extras: Mapping[str, str | None]) -> str:
    """The optional packages, and how those that are not there are installed."""
    there = [f"{name} {version}" for name, version in extras.items() if version]
    absent = [name for name, version in extras.items() if not version]
    more = [f"not installed: pip install {' '.join(absent)}"] if absent else []
    return "; ".join([*([", ".join(there)] if there else []), *more])


def _devices(machine: "Machine") -> str:
    from hbench.doctor.judging import sized

    torch = machine.torch
    seen = [f"cuda:{n} {gpu.name}, {sized(gpu.free)} of {sized(gpu.memory)} free"
            for n, gpu in enumerate(torch.gpus)]  # fmt: skip
    seen += ["mps"] if torch.mps else []
    built = f"torch built for {f'CUDA {torch.cuda}' if torch.cuda else 'CPUs'}"
    driver = f"; the driver serves CUDA {machine.driver_cuda}" if machine.driver_cuda else ""
    return f"{'; '.join([*seen, 'cpu'])} ({built}{driver})"


def _cores(machine: "Machine") -> str:
    cores = machine.cores
    quota = f", {cores.quota:g} by the container's limit" if cores.quota else ""
    return (
        f"{cores.count}, {cores.usable} for this process{quota}; load {cores.busy:.1f}; a "
        f"job takes {_counted(machine.threads, 'thread')}"
    )


def _memory(machine: "Machine") -> str:
    from hbench.doctor.judging import sized

    memory = machine.memory
    limit = f", {sized(memory.limit)} by the container's limit" if memory.limit else ""
    return f"{sized(memory.available)} of {sized(memory.total)} available{limit}"


def _folder(folder: "Folder") -> str:
    from hbench.doctor.judging import sized

    state = "" if folder.exists else ", not there yet"
    size = f", {sized(folder.size)}" if folder.size else ""
    return f"{folder.path}{state}{size}{', cannot be written' if folder.refusal else ''}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
