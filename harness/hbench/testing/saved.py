"""A model that is saved and loaded, and what a GPU asks of it, tried without one."""

import bz2
import gzip
import io
import lzma
import pickletools
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hbench.protocols import Model
from hbench.testing.chance import global_random_state
from hbench.testing.comparing import are_alike, difference, of_two_devices, watched_lookups
from hbench.testing.created import ORDER, SIDES, TEXTS, require_model, shapes
from hbench.testing.embedded import LARGE, NAMES, WORDS, embedded, token_ids, tolerance
from hbench.testing.rules import Checked, Rule
from hbench.testing.tokenized import KEY, tokenized

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

LOADED = Rule(
    "loaded-is-what-was-saved",
    "`load` gives the model that `save` wrote, with the weights that it had then; the folder may "
    "have been moved in between.",
    "weights as safetensors, and whatever else `load` needs, all of it in the folder",
)
PICKLED = Rule(
    "nothing-is-pickled",
    "`save` pickles nothing: what is unpickled can run any code.",
    "safetensors.torch.save_file for tensors, JSON for the rest",
)
MOVED = Rule(
    "works-on-another-device",
    "`to` moves all parameters, and `embed` makes its tensors where they are.",
    "torch.tensor(ids, device=self.table.weight.device)",
)
MIXED = Rule(
    "works-in-mixed-precision",
    "Under torch.autocast in bfloat16, as it is trained on a GPU, there are finite vectors and "
    "gradients.",
    "buffers of the type of what is put into them: torch.zeros(n, dim, dtype=hidden.dtype)",
)
RULES = (LOADED, PICKLED, MIXED, MOVED)


def check_saving(checked: Checked, model: Model) -> None:
    """Check the rules of this module, with weights that are no longer those of the start."""
    encoder: Any = checked.plugin
    _train(model)
    tokens = token_ids(model)
    before = embedded(checked, model, tokens, LOADED)
    keys = [model.tokenizer_key(side) for side in SIDES]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        with checked.asked(LOADED, "save(folder), a folder that is not there yet"):
            model.save(folder)
        pickled = sorted(_pickled(folder))
        found = f"a pickle in {', '.join(pickled)}"
        checked.require(not pickled, PICKLED, given="the files of save(folder)", found=found)
        folder = folder.rename(Path(scratch, "moved"))
        given = "load(folder), of a model that was changed after `create`; the folder was moved"
        with checked.asked(LOADED, given), global_random_state(2):
            loaded = encoder.load(folder)
        require_model(checked, loaded, given)
        _check_loaded(checked, model, loaded, given)
        loaded_keys = [loaded.tokenizer_key(side) for side in SIDES]
        found = f"{keys}, and of the loaded model {loaded_keys}"
        checked.require(keys == loaded_keys, KEY, given="tokenizer_key of both sides", found=found)
        loaded.train(False)
        after = embedded(checked, loaded, tokens, LOADED)
    given = f"embed({WORDS}) of the saved model and of the loaded one"
    found = f"vectors of shape {after.shape}, and before of {before.shape}"
    checked.require(after.shape == before.shape, LOADED, given=given, found=found)
    alike = are_alike(before, after, tolerance(model))
    checked.require(alike, LOADED, given=given, found=difference(before, after, NAMES))


def check_mixed(checked: Checked, model: Model) -> None:
    """Whether all goes well where some layers compute in bfloat16, and others do not.

    A model whose weights are not in float32 has chosen its precision itself.
    """
    import torch

    if any(each.dtype != torch.float32 for each in model.parameters()):
        return
    tokens, given = token_ids(model), f"embed({WORDS}) under torch.autocast('cpu', torch.bfloat16)"
    model.train(True)
    try:
        with global_random_state(1), torch.autocast("cpu", torch.bfloat16):
            vectors = model.embed(tokens, budget=LARGE)
        vectors.float().sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        if "not implemented for" in str(error):  # by CPUs; GPUs have more
            return
        found = f"{type(error).__name__}: {error}"
        checked.require(False, MIXED, given=given, found=found, cause=error)
    model.train(False)
    slopes = [each.grad for each in model.parameters() if each.grad is not None]
    are_finite = all(torch.isfinite(each).all() for each in (vectors, *slopes))
    checked.require(are_finite, MIXED, given=given, found="inf or NaN in vectors or gradients")


def check_moving(checked: Checked, model: Model) -> None:
    """Whether tensors of two devices meet, tried without a second device; spoils the model.

    The device ``meta`` has shapes and no numbers: an `embed` that looks at numbers cannot be tried.
    """
    import torch

    tokens, given = token_ids(model), "to(torch.device('meta'))"
    with checked.asked(MOVED, given):
        model.to(torch.device("meta"))
    left = [tuple(each.shape) for each in model.parameters() if each.device.type != "meta"]
    found = f"not moved: parameters of shapes {left}"
    checked.require(not left, MOVED, given=given, found=found)
    model.train(True)  # in inference, torch's own transformer looks at the numbers of its mask
    try:
        with watched_lookups():
            model.embed(tokens, budget=LARGE)
    except Exception as error:
        found = f"two devices meet: {error}"
        given = f"{given}, and embed({WORDS}, budget={LARGE})"
        checked.require(not of_two_devices(error), MOVED, given=given, found=found, cause=error)
        message = "looks at numbers when it embeds: whether it works on a GPU is not known"
        warnings.warn(f"{checked.plugin!r} {message}", stacklevel=3)


def _train(model: Model) -> None:
    """Change all weights a little, as training does."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in model.parameters():
            if each.is_floating_point() and each.requires_grad:
                size = each.float().abs().mean() + 0.01
                change = torch.randn(each.shape, generator=generator) * size / 4
                each.add_(change.to(each.dtype))


def _check_loaded(checked: Checked, model: Model, loaded: Model, given: str) -> None:
    same = shapes(model) == shapes(loaded)
    found = f"parameters of shapes {shapes(loaded)}, and when it was saved {shapes(model)}"
    checked.require(same, ORDER, given=f"parameters() of {given}", found=found)
    for side in SIDES:
        ids, others = (tokenized(checked, each, TEXTS, side).ids for each in (model, loaded))
        differing = [text for text, *pair in zip(TEXTS, ids, others, strict=True)
                     if pair[0] != pair[1]]  # fmt: skip
        told = f"other ids than before for {', '.join(map(repr, differing))}"
        asked = f"tokenize of {given}, as {side}"
        checked.require(not differing, LOADED, given=asked, found=told)


def _pickled(folder: Path) -> Iterator[str]:
    """The files that hold a pickle, whatever their names, also inside of archives."""
    for path in folder.rglob("*"):
        if path.is_file() and _holds_pickle(path.read_bytes()):
            yield path.relative_to(folder).as_posix()


def _holds_pickle(content: bytes) -> bool:
    """Whether bytes are a pickle, or an archive or an array that holds one."""
    if content.startswith(b"\x93NUMPY"):
        return _is_array_of_objects(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(_holds_pickle(archive.read(name)) for name in archive.namelist())
    for unpack in (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress):
        try:
            return _holds_pickle(unpack(content))
        except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error):
            continue
    return _is_pickle(content)


def _is_array_of_objects(content: bytes) -> bool:
    try:
        np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return True
    return False


def _is_pickle(content: bytes) -> bool:
    """Whether bytes begin with a whole pickle; nothing is unpickled.

    A pickle of one of the first protocols is but letters, and a text may begin like one.
    """
    end = 0
    try:
        for code, _, place in pickletools.genops(content):
            end = (place or 0) + 1
            if code.name == "STOP":
                break
    except Exception:  # what is none fails in many ways
        return False
    says_so = content.startswith(b"\x80")
    return says_so or (end == len(content) and end > 1)
