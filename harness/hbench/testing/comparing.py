"""Two sets of vectors that should be the same but for rounding, and two devices that meet."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch.overrides import TorchFunctionMode

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

DEVICES = re.compile("expected.*device|device.*expected", re.IGNORECASE)
Vectors = npt.NDArray[Any]


def are_alike(one: Vectors, other: Vectors, tolerance: float) -> bool:
    """Whether (n, dim) vectors are the same.

    Args:
        one: vectors.
        other: as many.
        tolerance: for a component's difference, as a share of the largest component.
    """
    largest = np.abs(one).max(initial=0.0)
    return bool(np.allclose(one, other, rtol=0.0, atol=tolerance * largest))


def difference(one: Vectors, other: Vectors, names: Sequence[object] = ()) -> str:
    """Where two sets of (n, dim) vectors differ most, in words.

    Args:
        one: the first answer.
        other: the second.
        names: of the n texts; not given: their numbers.
    """
    row, column = np.unravel_index(np.argmax(np.abs(one - other)), one.shape)
    name = names[int(row)] if len(names) else row
    first, second = one[row, column], other[row, column]
    return f"component {column} of text {name} is {first:.9g}, and then {second:.9g}"


def differing_names(
    one: Mapping[str, Vectors], other: Mapping[str, Vectors], tolerance: float
) -> list[str]:
    """The names of arrays that are missing on a side, or not the same there.

    Args:
        one: arrays by name.
        other: likewise.
        tolerance: for an element's difference, relative and absolute; NaN equals NaN.
    """
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one
        or name not in other
        or one[name].shape != other[name].shape
        or not np.allclose(one[name], other[name], tolerance, tolerance, equal_nan=True)
    ]


def watched_lookups() -> "TorchFunctionMode":
    """Inside, the ids and the table of an embedding must be on one device.

    Any other operation sees to it itself, also on the device ``meta``.
    """
    from torch.nn.functional import embedding, embedding_bag
    from torch.overrides import TorchFunctionMode

    class Watched(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
            if func in (embedding, embedding_bag) and args[0].device != args[1].device:
                one, other = args[0].device, args[1].device
                raise RuntimeError(f"expected ids on device {other}, as their table; found {one}")
            return func(*args, **(kwargs or {}))

    return Watched()


def of_two_devices(error: Exception) -> bool:
    """Whether torch complains that tensors of two devices meet."""
    return bool(DEVICES.search(str(error)))
