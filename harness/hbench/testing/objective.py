"""The contract of objectives, as checks."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from hbench.errors import shown
from hbench.protocols import Need, Objective
from hbench.testing.batches import (
    Batch,
    Duplicates,
    Rows,
    aligned_batch,
    leaning_batch,
    random_batch,
)
from hbench.testing.chance import global_random_state
from hbench.testing.common import check_common
from hbench.testing.comparing import of_two_devices
from hbench.testing.rules import Checked, Rule

if TYPE_CHECKING:
    import torch

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

SIZES = ((2, 4), (8, 4), (2, 16), (8, 16))  # rows and dimensions
ROUNDING = 1e-5  # relative, of float32 sums
LEAST_PUSH = 1e-3  # a smaller one is not told from rounding
PLACE = "hbench.testing.batches"

NEEDS = Rule(
    "needs-are-known",
    "`needs` names the texts of a row that the loss wants, each once; there are "
    f"{', '.join(get_args(Need))}.",
    'a property: def needs(self) -> Sequence[Need], as ("query", "passage")',
)
NEGATIVES = Rule(
    "negatives-is-a-count",
    "`negatives`, if there is one and `needs` names them, says how many hard negatives a row gets.",
    "a whole number from 1 on",
)
LEARNED = Rule(
    "learned-is-floats-by-name",
    "`learned`, if there is one, is the start values of numbers to train along, by names that no "
    "texts and masks have.",
    '{"log_scale": 3.0}',
)
SCALAR = Rule(
    "loss-is-a-scalar",
    "The loss of a batch is a 0-d tensor of floats, whether gradients are wanted or not.",
    "the mean over rows",
)
FINITE = Rule(
    "loss-is-finite",
    "The loss is a finite number, also where duplicates leave a row without any negative.",
    "a sum that holds the positive, whatever is left out",
)
LEFT = Rule(
    "batch-is-left-as-it-is",
    "The batch and its tensors are read and never changed; other objectives read them too.",
    "new tensors in the place of changed ones",
)
AGAIN = Rule(
    "same-batch-same-loss",
    "A batch costs the same whenever it is asked for.",
    "a loss that follows from the batch and the options alone",
)
CHANCE = Rule(
    "no-chance",
    "The loss does not depend on the global random numbers of torch, numpy or random.",
    "a loss that follows from the batch and the options alone",
)
GRADIENTS = Rule(
    "gradients-are-finite",
    "The loss has gradients, and those of the texts are finite, also where two texts are equal.",
    "a root, a norm or an arc cosine that is kept away from where its slope is infinite",
)
LEARNS = Rule(
    "learned-numbers-get-gradients",
    "Each number in `learned` gets a finite gradient.",
    "a loss that is computed from batch[name]",
)
DUPLICATES = Rule(
    "duplicates-are-no-negatives",
    "Where `duplicate` or `duplicate_negative` is true, the passage does not push the query away.",
    "logits.masked_fill(batch['duplicate'], -inf) in the sum over negatives; either mask may be "
    "absent",
)
BETTER = Rule(
    "perfect-batch-costs-less",
    "A batch whose texts agree in each row and differ between rows costs less than the same texts "
    "moved to other rows, or than texts that are all alike; or all three cost the same.",
    "a loss to be minimised, not a score to be maximised",
)
DEVICE = Rule(
    "tensors-are-made-where-the-batch-is",
    "New tensors are made on the device of the batch, a GPU perhaps.",
    "torch.arange(n, device=batch['query'].device), torch.zeros_like(batch['query'])",
)
RULES = (
    NEEDS, NEGATIVES, LEARNED, SCALAR, FINITE, LEFT, AGAIN, CHANCE, GRADIENTS, LEARNS, DUPLICATES,
    BETTER, DEVICE,
)  # fmt: skip


def check_objective(plugin: object) -> None:
    """Check all rules of objectives, with the batches of this module.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Objective)
    _check_options(checked)
    kinds: tuple[Duplicates, ...] = get_args(Duplicates)
    for rows, dim in SIZES:
        for duplicates in kinds:
            batch = random_batch(plugin, rows=rows, dim=dim, duplicates=duplicates)
            words = f"rows={rows}, dim={dim}, duplicates={duplicates!r}"
            given = f"{PLACE}.random_batch(objective, {words})"
            given += ", which has no masks" if duplicates == "none" else ""
            _check_loss(checked, batch, given)
            _check_gradients(checked, batch, given)
    _check_device(checked)
    _check_duplicates(checked)
    _check_perfect(checked)


def _check_options(checked: Checked) -> None:
    """What it says that it wants."""
    objective: Any = checked.plugin
    with checked.asked(NEEDS, "`needs`"):
        needs = objective.needs
    is_list = isinstance(needs, Sequence) and not isinstance(needs, str)
    is_known = is_list and all(isinstance(n, str) and n in get_args(Need) for n in needs)
    holds = is_known and 0 < len(needs) == len(set(needs))
    checked.require(holds, NEEDS, given="`needs`", found=shown(needs))
    if "negatives" in needs:
        with checked.asked(NEGATIVES, "`negatives`"):
            count = getattr(objective, "negatives", 1)
        holds = isinstance(count, int) and not isinstance(count, bool) and count >= 1
        checked.require(holds, NEGATIVES, given="`negatives`", found=shown(count))
    with checked.asked(LEARNED, "`learned`"):
        learned = getattr(objective, "learned", {})
    taken = {*get_args(Need), "duplicate", "duplicate_negative"}
    holds = isinstance(learned, Mapping) and all(
        isinstance(name, str)
        and name not in taken
        and isinstance(value, float)
        and math.isfinite(value)
        for name, value in learned.items()
    )
    checked.require(holds, LEARNED, given="`learned`", found=shown(learned))


def _check_loss(checked: Checked, batch: Batch, given: str) -> float:
    """What holds without gradients, as on validation data; returns the loss."""
    import torch

    before = {name: tensor.clone() for name, tensor in batch.items()}
    with torch.no_grad():
        loss = _loss(checked, batch, given, chance=1)
        changed = [
            *(before.keys() ^ batch.keys()),
            *(n for n in before.keys() & batch.keys() if not torch.equal(before[n], batch[n])),
        ]
        found = f"changed: {', '.join(sorted(changed))}"
        checked.require(not changed, LEFT, given=given, found=found)
        again = _loss(checked, batch, given, chance=1)
        found = f"{loss}, asked again {again}"
        checked.require(_is_close(again, loss), AGAIN, given=given, found=found)
        other = _loss(checked, batch, given, chance=2)
    found = f"{loss}, and {other} with other global random numbers"
    checked.require(_is_close(other, loss), CHANCE, given=given, found=found)
    return loss


def _check_gradients(checked: Checked, batch: Batch, given: str) -> None:
    import torch

    names = [name for name, tensor in batch.items() if tensor.is_floating_point()]
    leaves = {name: batch[name].clone().requires_grad_() for name in names}
    loss = _loss_tensor(checked, {**batch, **leaves}, given, chance=1)
    found = "a tensor that does not depend on any text"
    checked.require(loss.requires_grad, GRADIENTS, given=given, found=found)
    with checked.asked(GRADIENTS, given):
        slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    learned = getattr(checked.plugin, "learned", {})
    for name, slope in zip(names, slopes, strict=True):
        bad = slope is not None and not torch.isfinite(slope).all()
        rule = LEARNS if name in learned else GRADIENTS
        found = f"the gradient of {name} is not finite"
        checked.require(not bad, rule, given=given, found=found)
        found = f"{name} gets no gradient"
        checked.require(name not in learned or slope is not None, LEARNS, given=given, found=found)


def _check_device(checked: Checked) -> None:
    """Whether tensors of two devices meet, tried without a second device.

    The device ``meta`` has shapes and no numbers: a loss that looks at numbers cannot be tried.
    """
    import torch

    objective: Any = checked.plugin
    batch = random_batch(objective, rows=4, dim=8, duplicates="some")
    try:
        with torch.no_grad():
            objective.loss({name: tensor.to("meta") for name, tensor in batch.items()})
    except Exception as error:
        words = "rows=4, dim=8, duplicates='some'"
        given = f"{PLACE}.random_batch(objective, {words}), moved to `meta`"
        found = f"two devices meet: {error}"
        checked.require(not of_two_devices(error), DEVICE, given=given, found=found, cause=error)
        message = "looks at numbers of the batch: whether it works on a GPU is not known"
        warnings.warn(f"{objective!r} {message}", stacklevel=3)


def _check_duplicates(checked: Checked) -> None:
    """Whether a pair that a mask leaves out costs more where it is more alike.

    What is compared is the interplay of the pair: how much more two texts cost that lean to the
    same side than two that lean apart, whatever each of them costs by itself.
    """
    objective: Any = checked.plugin
    if not {"query", "passage"} <= set(objective.needs):
        return
    names: list[Literal["duplicate", "duplicate_negative"]] = ["duplicate"]
    if "negatives" in objective.needs:
        names.append("duplicate_negative")
    for name in names:
        push, scale = {}, 1.0
        for left_out in (False, True):
            push[left_out] = 0.0
            for query, other in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
                words = f"query={query}, other={other}, name={name!r}, left_out={left_out}"
                given = f"{PLACE}.leaning_batch(objective, {words})"
                batch = leaning_batch(
                    objective, query=query, other=other, name=name, left_out=left_out
                )
                loss = _check_loss(checked, batch, given)
                push[left_out] += query * other * loss / 2
                scale = max(scale, abs(loss))
        # Without the mask, an objective may be of a kind that has no negatives at all.
        holds = push[True] <= max(push[False] / 10, LEAST_PUSH * scale)
        words = f"query=..., other=..., name={name!r}, left_out=True"
        given = f"{PLACE}.leaning_batch(objective, {words}), with 1 and -1 for query and other"
        found = (
            f"to lean to one side costs {push[True]:.3g} more than to lean apart; "
            f"without the mask it costs {push[False]:.3g} more"
        )
        checked.require(holds, DUPLICATES, given=given, found=found)


def _check_perfect(checked: Checked) -> None:
    objective: Any = checked.plugin
    losses = {}
    kinds: tuple[Rows, ...] = get_args(Rows)
    for rows in kinds:
        given = f"{PLACE}.aligned_batch(objective, {rows!r})"
        batch = aligned_batch(objective, rows)
        losses[rows] = _check_loss(checked, batch, given)
        _check_gradients(checked, batch, given)
    comparable = len(set(objective.needs) - {"negatives"}) > 1
    # Either is enough: to some, a near passage of another row is no negative at all. To others, as
    # to one that compares queries with queries, these batches are no different.
    others = losses["moved"], losses["alike"]
    is_indifferent = all(_is_close(losses["apart"], other) for other in others)
    holds = is_indifferent or losses["apart"] < max(others)
    given = f"{PLACE}.aligned_batch(objective, rows)"
    found = ", ".join(f"{rows} {loss:.6g}" for rows, loss in losses.items())
    checked.require(not comparable or holds, BETTER, given=given, found=found)


def _loss(checked: Checked, batch: Batch, given: str, *, chance: int) -> float:
    return float(_loss_tensor(checked, batch, given, chance=chance))


def _loss_tensor(checked: Checked, batch: Batch, given: str, *, chance: int) -> "torch.Tensor":
    """The objective's loss, a finite scalar, under some global random numbers."""
    import torch

    objective: Any = checked.plugin
    with checked.asked(SCALAR, given), global_random_state(chance):
        loss = objective.loss(batch)
    is_tensor = isinstance(loss, torch.Tensor)
    found = f"{loss.dtype} of shape {tuple(loss.shape)}" if is_tensor else shown(loss)
    holds = is_tensor and loss.dim() == 0 and loss.is_floating_point()
    checked.require(holds, SCALAR, given=given, found=found)
    value = float(loss.detach())
    checked.require(math.isfinite(value), FINITE, given=given, found=str(value))
    checked_loss: torch.Tensor = loss
    return checked_loss


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=ROUNDING)
