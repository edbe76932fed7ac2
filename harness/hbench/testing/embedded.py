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

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

LARGE, SMALL = 4096, 1  # budgets: all texts at once, and each alone
WORDS = "the ids of hbench.testing.created.TEXTS, of both sides"
NAMES = [f"{shown(text)} as {side}" for side in SIDES for text in TEXTS]  # of these rows

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
    "train(False) reaches every layer, and nothing drops out then",
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
    "recompute=True keeps less in memory, and gives the same vectors and gradients; in training, "
    "what is computed anew drops out the same as before.",
    "hbench.packing.in_micro_batches sees to it",
)
STATE = Rule(
    "parameters-are-all-that-training-changes",
    "Training changes what `parameters` gives and nothing else: the optimiser is given these, and "
    "a checkpoint holds these.",
    "the parameters of all parts, the layers after the pooling too; layer and not batch norm",
)
RULES = (VECTORS, USABLE, AGAIN, ROWS, ALONE, BUDGET, GRADIENTS, RECOMPUTE, STATE)


def check_vectors(checked: Checked, model: Model) -> None:
    """Check the rules of this module; the model is in inference mode then."""
    model.train(True)
    model.train(False)
    tokens = token_ids(model)
    vectors = embedded(checked, model, tokens, AGAIN)
    usable = np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
    bad = [NAMES[row] for row in np.flatnonzero(~usable)]
    found = f"zeros, inf or NaN for {', '.join(bad)}"
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
        _require_alike(checked, model, rule, how, vectors, other)
    _check_state(checked, model, tokens, vectors)
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


def _require_alike(
    checked: Checked, model: Model, rule: Rule, how: str, vectors: Vectors, other: Vectors
) -> None:
    """Demand that vectors are the same in spite of how others were asked for."""
    shapes = f"vectors of shape {vectors.shape}, and then {other.shape}"
    given = f"embed({WORDS}, budget={LARGE}), and {how}"
    checked.require(vectors.shape == other.shape, VECTORS, given=given, found=shapes)
    alike = are_alike(vectors, other, tolerance(model))
    checked.require(alike, rule, given=given, found=difference(vectors, other, NAMES))


def _check_state(
    checked: Checked, model: Model, tokens: Sequence[Int32Array], before: Vectors
) -> None:
    """Whether `parameters` misses some, or a pass in training changes something else."""
    model.train(True)
    with global_random_state(1):
        vectors = _embed(checked, model, tokens, GRADIENTS)
    model.train(False)
    after = embedded(checked, model, tokens, STATE)
    how = "after a pass in training, and no step of the optimiser"
    _require_alike(checked, model, STATE, how, before, after)
    given = f"the parameters from which embed({WORDS}) computes vectors in training"
    known = set(map(id, model.parameters()))
    missing = [each for each in _parameters_behind(vectors) if id(each) not in known]
    found = f"not among parameters(): those of shapes {[tuple(each.shape) for each in missing]}"
    checked.require(not missing, STATE, given=given, found=found)


def _parameters_behind(vectors: "torch.Tensor") -> "list[torch.nn.Parameter]":
    """All that would get gradients from them."""
    import torch

    waiting: list[Any] = [vectors.grad_fn]
    seen, found = {None}, []
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
            found.append(getattr(node, "variable", None))
    return [each for each in found if isinstance(each, torch.nn.Parameter)]


def _check_gradients(checked: Checked, model: Model, tokens: Sequence[Int32Array]) -> None:
    """In training they are there; `recompute` gives the same, with dropout and without."""
    for mode in (True, False):
        model.train(mode)
        total, plain = _gradients(checked, model, tokens, GRADIENTS)
        again, cached = _gradients(checked, model, tokens, RECOMPUTE, recompute=True)
        model.train(False)
        given = f"train({mode}), and the gradients of a weighted sum of embed({WORDS})"
        checked.require(bool(plain), GRADIENTS, given=given, found="no parameter has a gradient")
        bad = [number for number, slope in plain.items() if not np.isfinite(slope).all()]
        told = f"inf or NaN in the gradients of parameters {bad}"
        checked.require(not bad, GRADIENTS, given=given, found=told)
        dropped_the_same = math.isclose(total, again, rel_tol=tolerance(model))
        if dropped_the_same or not mode:
            _require_same(checked, model, given, plain, cached)


def _require_same(
    checked: Checked,
    model: Model,
    given: str,
    plain: dict[int, Vectors],
    cached: dict[int, Vectors],
) -> None:
    """Demand that gradients are the same with and without `recompute`."""
    given = f"{given}, budget={SMALL}, with recompute=True and without"
    told = f"gradients of parameters {sorted(cached)}, and without it of {sorted(plain)}"
    checked.require(cached.keys() == plain.keys(), RECOMPUTE, given=given, found=told)
    largest = max(np.abs(slope).max() for slope in plain.values()) or 1.0
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
    recompute: bool = False,
) -> tuple[float, dict[int, Vectors]]:
    """Some weighted sum, and its gradients by the parameter's number; none is left behind."""
    import torch

    parameters = list(model.parameters())
    for each in parameters:
        each.grad = None
    with global_random_state(1):
        vectors = _embed(checked, model, tokens, rule, budget=SMALL, recompute=recompute)
        found = "vectors that depend on no parameter"
        given = f"embed({WORDS}, budget={SMALL}, recompute={recompute})"
        checked.require(vectors.requires_grad, rule, given=given, found=found)
        weights = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(0))
        total = (vectors.float() * weights).sum()
        with checked.asked(rule, f"the gradients of {given}"):
            total.backward()  # type: ignore[no-untyped-call]
    slopes = {
        number: each.grad.double().numpy().copy()
        for number, each in enumerate(parameters)
        if each.grad is not None
    }
    for each in parameters:
        each.grad = None
    return float(total.detach()), slopes
