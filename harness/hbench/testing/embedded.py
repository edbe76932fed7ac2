"""The vectors of a model, and their gradients."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.errors import shown
from hbench.protocols import Model
from hbench.records import Int32Array
from hbench.testing.chance import global_random_state
from hbench.testing.comparing import Vectors, are_alike, difference
from hbench.testing.created import SIDES, TEXTS
from hbench.testing.rules import Checked, Rule

if TYPE_CHECKING:
    import torch

LARGE, SMALL = 4096, 1  # budgets: all texts at once, and each alone
WORDS = "the ids of hbench.testing.created.TEXTS, of both sides"

VECTORS = Rule(
    "one-vector-a-text",
    "`embed` gives a vector of floats for each text, all of one size.",
    "an (n, dim) tensor of floats",
)
USABLE = Rule(
    "vectors-have-a-direction",
    "A vector is finite and not zero, also that of a text in an unknown script.",
    "a token for what is unknown, and no mean over no token",
)
AGAIN = Rule(
    "same-text-same-vector",
    "After train(False) a text has the same vector whenever it is asked for, whatever the global "
    "random numbers of random, numpy and torch are.",
    "no dropout outside of training",
)
ROWS = Rule(
    "row-i-belongs-to-text-i",
    "Vectors come in the order of the texts.",
    "vectors that are put back in order, if texts were sorted by their length",
)
ALONE = Rule(
    "each-text-for-itself",
    "After train(False) a text's vector does not depend on the other texts of the call.",
    "padding that is masked in attention and pooling",
)
BUDGET = Rule(
    "budget-changes-nothing",
    "The budget changes how many tokens are worked on at once, and no vector; a text that is "
    "longer than the budget goes alone.",
    "hbench.packing.in_micro_batches sees to it",
)
GRADIENTS = Rule(
    "vectors-have-gradients",
    "In training, what is computed from the vectors has gradients, all finite, for some parameters "
    "at least.",
    "tensors that are neither detached nor made under torch.no_grad()",
)
RECOMPUTE = Rule(
    "recompute-changes-nothing",
    "recompute=True keeps less in memory, and gives the same vectors and gradients.",
    "hbench.packing.in_micro_batches sees to it",
)
RULES = (VECTORS, USABLE, AGAIN, ROWS, ALONE, BUDGET, GRADIENTS, RECOMPUTE)


def check_vectors(checked: Checked, model: Model) -> None:
    """Check the rules of this module; the model is in inference mode then."""
    model.train(True)
    model.train(False)
    tokens = token_ids(model)
    vectors = embedded(checked, model, tokens, AGAIN)
    usable = np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
    bad = [(TEXTS * len(SIDES))[row] for row in np.flatnonzero(~usable)]
    found = f"zeros, inf or NaN for {', '.join(map(shown, bad))}"
    checked.require(not bad, USABLE, given=f"embed({WORDS})", found=found)
    order = np.random.default_rng(0).permutation(len(tokens))
    cases = [
        (AGAIN, "asked again", embedded(checked, model, tokens, AGAIN, chance=2)),
        (ROWS, f"in the order {order.tolist()}", _permuted(checked, model, tokens, order)),
        (ALONE, "each text in a call of its own", _each_alone(checked, model, tokens)),
        (BUDGET, f"budget={SMALL}", embedded(checked, model, tokens, BUDGET, budget=SMALL)),
        (RECOMPUTE, "recompute=True", embedded(checked, model, tokens, RECOMPUTE, recompute=True)),
    ]
    for rule, how, other in cases:
        given = f"embed({WORDS}, budget={LARGE}), and {how}"
        alike = are_alike(vectors, other, tolerance(model))
        checked.require(alike, rule, given=given, found=difference(vectors, other))
    _check_gradients(checked, model, tokens)


def token_ids(model: Model) -> list[Int32Array]:
    """The ids of `TEXTS` as queries, then as passages; as they are read from the cache."""
    tokens = [np.array(ids, np.int32) for side in SIDES for ids in model.tokenize(TEXTS, side).ids]
    for ids in tokens:
        ids.flags.writeable = False
    return tokens


def embedded(
    checked: Checked,
    model: Model,
    tokens: Sequence[Int32Array],
    rule: Rule,
    *,
    budget: int = LARGE,
    recompute: bool = False,
    chance: int = 1,
) -> Vectors:
    """Vectors as the encode stage asks for them."""
    import torch

    with torch.inference_mode(), global_random_state(chance):
        vectors = _embed(checked, model, tokens, rule, budget=budget, recompute=recompute)
    return vectors.double().numpy()


def tolerance(model: Model) -> float:
    """What may be rounding in a component, as a share of the largest: half the digits there are."""
    import torch

    kinds = {each.dtype for each in model.parameters() if each.is_floating_point()}
    return math.sqrt(max(torch.finfo(kind).eps for kind in kinds))


def _embed(
    checked: Checked,
    model: Model,
    tokens: Sequence[Int32Array],
    rule: Rule,
    *,
    budget: int = LARGE,
    recompute: bool = False,
) -> "torch.Tensor":
    """The model's own tensor, of which the form is checked."""
    import torch

    given = f"embed({len(tokens)} texts of {WORDS}, budget={budget}, recompute={recompute})"
    with checked.asked(rule, given):
        vectors: Any = model.embed(tokens, budget=budget, recompute=recompute)
    is_tensor = isinstance(vectors, torch.Tensor)
    found = f"{vectors.dtype} of shape {tuple(vectors.shape)}" if is_tensor else shown(vectors)
    holds = (
        is_tensor
        and vectors.dim() == 2
        and len(vectors) == len(tokens)
        and vectors.shape[1] > 0
        and vectors.is_floating_point()
    )
    checked.require(holds, VECTORS, given=given, found=found)
    checked_vectors: torch.Tensor = vectors
    return checked_vectors


def _permuted(
    checked: Checked,
    model: Model,
    tokens: Sequence[Int32Array],
    order: Any,  # noqa: ANN401
) -> Vectors:
    """The vectors of texts that are given in another order, back in the first one."""
    vectors = embedded(checked, model, [tokens[place] for place in order], ROWS)
    back: Vectors = vectors[np.argsort(order)]
    return back


def _each_alone(checked: Checked, model: Model, tokens: Sequence[Int32Array]) -> Vectors:
    rows = [embedded(checked, model, [ids], ALONE) for ids in tokens]
    sizes = {row.shape[1] for row in rows}
    found = f"vectors of {', '.join(map(str, sorted(sizes)))} components"
    checked.require(len(sizes) == 1, VECTORS, given="embed of each text alone", found=found)
    return np.concatenate(rows)


def _check_gradients(checked: Checked, model: Model, tokens: Sequence[Int32Array]) -> None:
    """In training they are there; without dropout, `recompute` gives the same."""
    model.train(True)
    found = _gradients(checked, model, tokens, GRADIENTS)
    model.train(False)
    given = f"train(True), and the gradients of a weighted sum of embed({WORDS})"
    checked.require(bool(found), GRADIENTS, given=given, found="no parameter has a gradient")
    bad = [number for number, slope in found.items() if not np.isfinite(slope).all()]
    told = f"inf or NaN in the gradients of parameters {bad}"
    checked.require(not bad, GRADIENTS, given=given, found=told)
    plain = _gradients(checked, model, tokens, RECOMPUTE)
    cached = _gradients(checked, model, tokens, RECOMPUTE, budget=SMALL, recompute=True)
    given = f"the gradients of a weighted sum of embed({WORDS}), and recompute=True, budget={SMALL}"
    told = f"gradients of parameters {sorted(cached)}, and without it of {sorted(plain)}"
    checked.require(cached.keys() == plain.keys(), RECOMPUTE, given=given, found=told)
    largest = max(np.abs(slope).max() for slope in plain.values())
    apart = {number: np.abs(plain[number] - cached[number]).max() / largest for number in plain}
    worst = max(apart, key=apart.__getitem__)
    told = f"gradients of parameter {worst} that differ by {apart[worst]:.3g} of the largest"
    checked.require(apart[worst] <= tolerance(model), RECOMPUTE, given=given, found=told)


def _gradients(
    checked: Checked,
    model: Model,
    tokens: Sequence[Int32Array],
    rule: Rule,
    *,
    budget: int = LARGE,
    recompute: bool = False,
) -> dict[int, Vectors]:
    """The gradients of some sum, by the parameter's number; none is left behind."""
    import torch

    parameters = list(model.parameters())
    for each in parameters:
        each.grad = None
    with global_random_state(1):
        vectors = _embed(checked, model, tokens, rule, budget=budget, recompute=recompute)
        found = "vectors that depend on no parameter"
        given = f"embed({WORDS}, budget={budget}, recompute={recompute})"
        checked.require(vectors.requires_grad, rule, given=given, found=found)
        weights = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(0))
        with checked.asked(rule, f"the gradients of {given}"):
            (vectors.float() * weights).sum().backward()  # type: ignore[no-untyped-call]
    found_gradients = {
        number: each.grad.double().numpy().copy()
        for number, each in enumerate(parameters)
        if each.grad is not None
    }
    for each in parameters:
        each.grad = None
    return found_gradients
