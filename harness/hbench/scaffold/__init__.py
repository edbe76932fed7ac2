"""A distribution of its own for a new plugin: its files, from templates, whole or not at all.

``templates/<kind>/`` holds what differs between kinds: a plugin that works, its tests, a benchmark
that uses it, and what the README says of it (``about.toml``). ``templates/shared/`` is for all.
"""

import builtins
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hbench.errors import OptionError
from hbench.scaffold.names import free_name

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from hbench.registry import Kind

# Where each template goes; what a kind's folder holds besides is data inside the package.
PLACES = {
    "plugin.txt": "src/{package}/{kind}.py",
    "test.txt": "tests/test_{kind}.py",
    "benchmark.yaml": "benchmark.yaml",
    "README.md": "README.md",
    "pyproject.txt": "pyproject.toml",
    "test.yml": ".github/workflows/test.yml",
    "gitignore": ".gitignore",
}
ABOUT = "about.toml"
BOUND = re.compile(r"^ *(?:from|import|class) .*", re.M)  # lines of a template that bind names


@dataclass(frozen=True)
class Names:
    """What the parts of a new plugin are called.

    Args:
        kind: of the plugin.
        name: in specs.
        distribution: for pip.
        package: for import.
        class_name: of the plugin.
    """

    kind: "Kind"
    name: str
    distribution: str
    package: str
    class_name: str

    @property
    def run(self) -> str:
        """The command that runs the new benchmark."""
        chosen = f" --executor {self.name}" if self.kind == "executor" else ""
        return f"hbench run benchmark.yaml --device cpu{chosen}"


def names_of(kind: "Kind", name: str) -> Names:
    """The names that follow from a plugin's.

    Raises:
        OptionError: the name is not well formed, or taken by what is installed.
    """
    free_name(kind, name)
    class_name = "".join(part.capitalize() for part in re.split("[-_]", name))
    bound = {word for line in BOUND.findall(_read(kind, "plugin.txt").decode())
             for word in re.findall(r"\w+", line)}  # fmt: skip
    if class_name in bound or hasattr(builtins, class_name):
        class_name += kind.capitalize()
    distribution = f"hbench-{name}"
    return Names(kind, name, distribution, distribution.replace("-", "_"), class_name)


def write(names: Names, target: Path) -> list[str]:
    """Write the distribution.

    Args:
        names: of its parts.
        target: its folder, which is not there yet, or empty.

    Returns:
        The files that were written, below the target.

    Raises:
        OptionError: the target holds something, or cannot be written; nothing was written.
    """
    files = _files(names)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise OptionError(
                f"{target} is there already{' and not empty' if target.is_dir() else ''}; "
                "give another folder with --to"
            )
        _put(files, target)
    except OSError as error:
        raise OptionError(
            f"{target} cannot be written ({error.strerror or error}); give another folder with --to"
        ) from error
    return sorted(files)


def _put(files: dict[str, bytes], target: Path) -> None:
    """Write beside the target, or inside of one that is there, and rename at the end."""
    place = target if target.is_dir() else next(p for p in target.absolute().parents if p.exists())
    with TemporaryDirectory(prefix=".hbench-new-", dir=place) as scratch:
        made = Path(scratch) / "made"  # with the user's permissions, which scratch has not
        for name, content in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        if target.is_dir():  # which may be where the user's shell is, and so is kept
            for part in made.iterdir():
                part.rename(target / part.name)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.rename(target)


def _files(names: Names) -> dict[str, bytes]:
    """The content of each file by its place."""
    about = tomllib.loads(_read(names.kind, ABOUT).decode())
    requirement = f"hbench>={metadata.version('hbench').partition('+')[0]}"
    values: dict[str, Any] = asdict(names) | {"run": names.run}
    values |= {
        key: Template(text).substitute(values)
        for key, text in about.items()
        if isinstance(text, str)
    }
    values["dependencies"] = json.dumps(sorted([requirement, *about["dependencies"]]))[1:-1]
    code = f"src/{names.package}"
    files = {
        f"{code}/__init__.py": f'"""{values["summary"]}."""\n'.encode(),
        f"{code}/py.typed": b"",
    }
    for folder in ("shared", names.kind):
        for template in _folder(folder).iterdir():
            content = template.read_bytes()
            if template.name in PLACES:
                place = PLACES[template.name].format(**asdict(names))
                files[place] = Template(content.decode()).substitute(values).encode()
            elif template.name != ABOUT:
                files[f"{code}/{template.name}"] = content
    return files


def _read(folder: str, name: str) -> bytes:
    return (_folder(folder) / name).read_bytes()


def _folder(name: str) -> "Traversable":
    return resources.files("hbench.scaffold") / "templates" / name
