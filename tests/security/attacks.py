"""What attackers make, and how it is seen whether an attack worked."""

import json
import shutil
from pathlib import Path

from hbench_plugins.encoders.scratch import Scratch

TEXTS = ("who built the tower", "wer baute den turm")
# Clears a screen, changes the window's title, colours, sounds; by ESC and by C1's one byte.
ESCAPES = "\x1b[2J\x1b]0;gone\x07\x9b31m\x7f"
TURNED = "\u202egnp.exe\u2066"  # text that reads the other way round
EVIL = f"{ESCAPES}[red]x[/red][link=https://evil.example]{TURNED}"
OBEYED = {*"\x1b\x07\x9b\x7f\r\u202e\u2066"}  # what must not arrive at a terminal


class Opens:
    """Unpickled, it makes a file: whoever finds it knows that code was run."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def saved_model(folder):
    """A tiny model as hbench saves it."""
    model = Scratch(hidden=8, layers=1, vocabulary=300).create(TEXTS, seed=1)
    model.save(folder)
    return folder


def copied(folder, target):
    shutil.copytree(folder, target)
    return target


def change_json(path, **changes):
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def assert_harmless(output):
    """Whether a terminal would obey nothing of a command's output."""
    assert not OBEYED & set(output), ascii(output)
