"""Sets of 8-byte grams of texts, and who contains most of whose: compiled loops.

A gram is eight bytes of UTF-8, held in one integer, so that no gram is taken for another: eight
letters in English, four in Greek, and between two and three characters in Chinese. Importing this
imports numba: so it is imported inside functions.
"""

import numba
import numpy as np
import numpy.typing as npt

from hbench.compiled import compiled
from hbench.records import Int32Array, Int64Array

GRAM = 8  # bytes
EMPTY = -1  # eight bytes that no UTF-8 has
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: neighbours end up far apart
PART = 1024  # texts that one thread looks at in one go

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@compiled()
def gram_sets(data: Bytes, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The distinct grams of each text, ascending.

    Args:
        data: the bytes of all texts, end to end.
        ends: (n,) where each ends.

    Returns:
        The grams of all texts, and the (n + 1,) offsets of each text's.
    """
    grams = np.empty(len(data), np.int64)
    offsets = np.zeros(len(ends) + 1, np.int64)
    start, count = 0, 0
    for i in range(len(ends)):
        found = _grams(data, start, ends[i])
        found.sort()
        last = EMPTY
        for gram in found:
            if gram != last:
                grams[count] = gram
                count += 1
                last = gram
        start, offsets[i + 1] = ends[i], count
    return grams[:count].copy(), offsets


@compiled()
def rarest(
    grams: Int64Array, offsets: Int64Array, frequency: Int64Array, share: float
) -> tuple[Int64Array, Int32Array]:
    """So many of each text's rarest grams that who has ``share`` of all has ``signs`` of these.

    Args:
        grams: ``gram_sets`` of n texts.
        offsets: likewise.
        frequency: of each entry of ``grams``, over all texts.
        share: from 0 to 1.

    Returns:
        Grams, and the text that each is one of.
    """
    chosen, text = np.empty(len(grams), np.int64), np.empty(len(grams), np.int32)
    count = 0
    for i in range(len(offsets) - 1):
        size = offsets[i + 1] - offsets[i]
        order = np.argsort(frequency[offsets[i] : offsets[i + 1]])
        for rank in range(min(size, size - needed(size, share) + signs(size))):
            chosen[count], text[count] = grams[offsets[i] + order[rank]], i
            count += 1
    return chosen[:count].copy(), text[:count].copy()


@compiled()
def needed(size: int, share: float) -> int:
    """How many grams are ``share`` of ``size``."""
    return int(np.ceil(size * share - 1e-9))


@compiled()
def signs(size: int) -> int:
    """How many of the rarest grams must be found before all are compared: one would be common."""
    return 1 + size // 16


@compiled()
def hashed(distinct: Int64Array, bits: int) -> tuple[Int64Array, Int32Array]:
    """A hash table of 2^bits places, more than there are grams: the grams, and their rows."""
    table, rows = np.full(1 << bits, EMPTY, np.int64), np.zeros(1 << bits, np.int32)
    for row in range(len(distinct)):
        place = _first_place(distinct[row], bits)
        while table[place] != EMPTY:
            place = (place + 1) & ((1 << bits) - 1)
        table[place], rows[place] = distinct[row], row
    return table, rows


@compiled(parallel=True)
def contained(
    data: Bytes,
    ends: Int64Array,
    grams: Int64Array,
    offsets: Int64Array,
    share: float,
    table: Int64Array,
    rows: Int32Array,
    starts: Int64Array,
    texts: Int32Array,
    is_contained: Flags,
    contains: Flags,
) -> None:
    """Find the known texts of which some text has ``share`` of the grams or more.

    Args:
        data: the bytes of some texts, end to end.
        ends: (n,) where each ends.
        grams: ``gram_sets`` of the known texts.
        offsets: likewise.
        share: from 0 to 1.
        table: of the known texts' rarest grams, see ``hashed``.
        rows: likewise.
        starts: where the row's part of ``texts`` begins.
        texts: the known texts that have a row's gram among their rarest.
        is_contained: (known,) set where it is so.
        contains: (n,) set where a text contains a known one.
    """
    bits = int(np.log2(len(table)))
    for part in numba.prange((len(ends) + PART - 1) // PART):
        seen, count = np.full(len(offsets) - 1, -1, np.int64), np.zeros(len(offsets) - 1, np.int32)
        for i in range(part * PART, min((part + 1) * PART, len(ends))):
            found = _grams(data, ends[i - 1] if i else 0, ends[i])
            is_sorted = False
            for gram in found.copy():
                place = _first_place(gram, bits)
                while table[place] != EMPTY and table[place] != gram:
                    place = (place + 1) & (len(table) - 1)
                if table[place] == EMPTY:
                    continue
                for known in texts[starts[rows[place]] : starts[rows[place] + 1]]:
                    if seen[known] != i:
                        seen[known], count[known] = i, 0
                    count[known] += 1
                    size = offsets[known + 1] - offsets[known]
                    if count[known] == signs(size):
                        if not is_sorted:
                            found.sort()
                            is_sorted = True
                        own = grams[offsets[known] : offsets[known + 1]]
                        if _has(found, own, needed(size, share)):
                            is_contained[known] = True
                            contains[i] = True


@compiled()
def _grams(data: Bytes, start: int, end: int) -> Int64Array:
    """All grams of a text, in its order."""
    found = np.empty(max(0, end - start - GRAM + 1), np.int64)
    gram = np.int64(0)
    for i in range(start, end):
        gram = gram << 8 | np.int64(data[i])
        if i - start >= GRAM - 1:
            found[i - start - GRAM + 1] = gram
    return found


@compiled()
def _first_place(gram: int, bits: int) -> np.int64:
    """Where a gram is looked for first in a table of 2^bits places."""
    return np.int64((np.uint64(gram) * SPREAD) >> np.uint64(64 - bits))


@compiled()
def _has(found: Int64Array, own: Int64Array, wanted: int) -> bool:
    """Whether ``wanted`` of the numbers in ``own`` are in ``found``; both ascend."""
    i, spare = 0, len(own) - wanted
    for gram in own:
        while i < len(found) and found[i] < gram:
            i += 1
        if i == len(found) or found[i] != gram:
            spare -= 1
            if spare < 0:
                return False
    return True
