"""Manifests by hand, as the store signs them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hbench.manifests import MANIFEST, file_record, read_manifest, signed


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """The manifest of a folder, with the sums of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {path.name: file_record(path) for path in folder.iterdir() if path.is_file()}
    files.pop(MANIFEST, None)
    whole = signed({**content, "files": files})
    (folder / MANIFEST).write_text(json.dumps(whole), encoding="utf-8")


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """The same folder with other content in its manifest."""
    write_manifest(folder, change(read_manifest(folder)))
