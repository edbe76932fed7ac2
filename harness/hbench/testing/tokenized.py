"""The token ids of a model."""

from typing import Any

import numpy as np

from hbench.errors import shown
from hbench.protocols import Model
from hbench.records import Side, Tokenized
from hbench.testing.created import SIDES, TEXTS
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

WORDS = 10_007  # of a text that is too long for most models

IDS = Rule(
    "ids-for-each-text",
    "`tokenize` gives the token ids of each text, and how many texts were cut.",
    "Tokenized([[0, 7, 2], [0, 9, 8, 2]], cut=0); ids are whole numbers from 0, below 2^31",
)
ALONE = Rule(
    "ids-of-a-text-are-its-own",
    "A text's token ids do not depend on the other texts of the call, nor on their order.",
    "no padding, and no vocabulary that grows",
)
CUT = Rule(
    "cut-counts-what-was-cut",
    "`cut` is how many of the texts were too long and lost tokens.",
    "sum(len(ids) > self.max_length for ids in uncut)",
)
KEY = Rule(
    "tokenizer-key-identifies-the-ids",
    "`tokenizer_key` is a text, the same as long as the ids are, before and after the model was "
    "saved and loaded; where the keys of both sides are equal, so are their ids.",
    "a sum over the vocabulary, the side's prefix and its length",
)
RULES = (IDS, ALONE, CUT, KEY)


def check_tokens(checked: Checked, model: Model) -> None:
    """Check the rules of this module."""
    before = {side: _key(checked, model, side) for side in SIDES}
    found = {side: tokenized(checked, model, TEXTS, side) for side in SIDES}
    for side, whole in found.items():
        _check_alone(checked, model, side, whole)
        _check_cut(checked, model, side)
        key = _key(checked, model, side)
        told = f"{shown(before[side])}, after some texts {shown(key)}"
        checked.require(key == before[side], KEY, given=f"tokenizer_key({side!r})", found=told)
    query, passage = SIDES
    holds = before[query] != before[passage] or found[query].ids == found[passage].ids
    given = "tokenizer_key and tokenize of both sides"
    told = f"the key {shown(before[query])} for both, and other ids for one text at least"
    checked.require(holds, KEY, given=given, found=told)


def tokenized(checked: Checked, model: Model, texts: tuple[str, ...], side: Side) -> Tokenized:
    """What the model makes of texts, in the form that it should have; given in words if short."""
    given = f"tokenize({shown(texts)}, {side!r})"
    with checked.asked(IDS, given):
        found: Any = model.tokenize(texts, side)
    ids: Any = getattr(found, "ids", None)
    cut: Any = getattr(found, "cut", None)
    is_list = isinstance(ids, list) and len(ids) == len(texts)
    told = f"{shown(found if ids is None else ids)} for {len(texts)} texts"
    checked.require(is_list, IDS, given=given, found=told)
    for text, own in zip(texts, ids, strict=True):
        holds = isinstance(own, (list, tuple, np.ndarray)) and all(map(_is_id, own))
        checked.require(holds, IDS, given=given, found=f"{shown(own)} for {shown(text)}")
    holds = isinstance(cut, int) and not isinstance(cut, bool) and 0 <= cut <= len(texts)
    checked.require(holds, IDS, given=given, found=f"cut={shown(cut)} for {len(texts)} texts")
    return Tokenized([list(map(int, own)) for own in ids], cut)


def _is_id(number: object) -> bool:
    is_whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    return is_whole and 0 <= number < 2**31  # type: ignore[operator]


def _check_alone(checked: Checked, model: Model, side: Side, whole: Tokenized) -> None:
    turned = tokenized(checked, model, TEXTS[::-1], side).ids[::-1]
    singly = [tokenized(checked, model, (text,), side) for text in TEXTS]
    for text, one, other, alone in zip(TEXTS, whole.ids, turned, singly, strict=True):
        given = f"tokenize of {shown(text)} as {side}, with all of hbench.testing.created.TEXTS"
        found = f"{shown(one)}, and in the reverse order {shown(other)}"
        checked.require(one == other, ALONE, given=given, found=found)
        found = f"{shown(one)}, and alone {shown(alone.ids[0])}"
        checked.require(one == alone.ids[0], ALONE, given=given, found=found)
    found = f"cut={whole.cut} of all, and {[each.cut for each in singly]} of each"
    holds = whole.cut == sum(each.cut for each in singly)
    given = f"tokenize(hbench.testing.created.TEXTS, {side!r}), and each text alone"
    checked.require(holds, CUT, given=given, found=found)


def _check_cut(checked: Checked, model: Model, side: Side) -> None:
    """Of two texts that begin and end alike, what is cut of both leaves the same."""
    for words in (1, WORDS):
        texts = ("tower " * words, "tower " * words + "bridge " + "tower " * words)
        found = tokenized(checked, model, texts, side)
        are_same = found.ids[0] == found.ids[1]
        sizes = [len(ids) for ids in found.ids]
        told = f"{sizes[0]:,} and {sizes[1]:,} ids, "
        told += f"{'the same' if are_same else 'not the same'}, and cut={found.cut}"
        end = f'"tower " * {words}'
        given = f'tokenize([{end}, {end} + "bridge " + {end}], {side!r})'
        # The first of two short texts may have as many tokens as are left of the other.
        holds = are_same == (found.cut == 2) or (words == 1 and are_same)
        checked.require(holds, CUT, given=given, found=told)


def _key(checked: Checked, model: Model, side: Side) -> str:
    with checked.asked(KEY, f"tokenizer_key({side!r})"):
        key = model.tokenizer_key(side)
    holds = isinstance(key, str) and bool(key)
    checked.require(holds, KEY, given=f"tokenizer_key({side!r})", found=shown(key))
    return key
