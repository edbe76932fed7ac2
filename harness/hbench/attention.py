"""Attention over packed texts: each attends to itself alone, through transformers' public registry.

A body (a transformers model) runs unmodified on one row of many texts. On CUDA in half precision a
variable-length kernel takes the row as it is; everywhere else each run of texts of equal length is
a view of the row, and needs neither mask nor padding.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.packing import Packed, pack, to_device

if TYPE_CHECKING:
    import torch

NAME = "hbench_packed"
# What bodies pass on that does not change which token attends to which; anything else might.
HARMLESS = {
    "position_ids", "output_attentions", "output_hidden_states", "return_dict", "use_cache",
    "cache_position", "deterministic", "past_key_values", "past_key_value", "layer_head_mask",
}  # fmt: skip
Kernel = Callable[..., "torch.Tensor"]


@dataclass(frozen=True)
class Row:
    """A packed row on its device; what every attention layer is told of it.

    Args:
        packed: the texts.
        device: where the row is.
    """

    packed: Packed
    device: "torch.device"

    @cached_property
    def bounds(self) -> "torch.Tensor":
        """(n + 1,) int32 on the device, as kernels want it."""
        return to_device(self.packed.bounds.astype(np.int32), self.device)

    @cached_property
    def ids(self) -> "torch.Tensor":
        """(1, T) token ids."""
        return to_device(self.packed.ids[None], self.device)

    def positions(self, first: int) -> "torch.Tensor":
        """(1, T) position ids that begin with ``first`` in each text."""
        return to_device(self.packed.positions[None] + first, self.device)


def first_position(body: Any) -> int | None:  # noqa: ANN401 - transformers' models share no type
    """Whether a body gives each packed text what it gives the text alone, and from which position.

    Tried out on three short texts, so that it holds for architectures that nobody thought of:
    some number positions from 0, some (XLM-R) from the padding id + 1; some pass nothing on to
    their attention, or shape it by the row, and then cannot be packed.

    Returns:
        The first position id of a text; None if texts must be padded.
    """
    import torch

    size, padding = body.config.vocab_size, getattr(body.config, "pad_token_id", None)
    usable = [token for token in range(min(size, 20)) if token != padding]
    texts = [[usable[(3 * i + 5 * n) % len(usable)] for i in range(n)] for n in (2, 4, 4, 7)]
    row = Row(pack(texts), body.device)
    tolerance = 1e-4 if body.dtype in (torch.float32, torch.float64) else 3e-2
    with _quiet_trial(body):
        alone = [body(input_ids=torch.tensor([text]).to(body.device)) for text in texts]
        wanted = torch.cat([output.last_hidden_state[0] for output in alone])
        # Training looks the embeddings up itself, encoding leaves that to the body.
        inputs = {"input_ids": row.ids}, {"inputs_embeds": body.get_input_embeddings()(row.ids)}
        for first in {0, 0 if padding is None else padding + 1}:
            shared = {"position_ids": row.positions(first), "hbench_row": row}
            try:
                with packing(body):
                    found = [body(**each, **shared).last_hidden_state[0] for each in inputs]
            except Exception:  # whatever a stranger's model raises says that it cannot be packed
                continue
            if all(torch.allclose(each, wanted, rtol=0, atol=tolerance * float(wanted.abs().max()))
                   for each in found):  # fmt: skip
                return first
    return None


@contextmanager
def packing(body: Any) -> Iterator[None]:  # noqa: ANN401
    """Let a body attend within packed texts only; it refuses rows that are not packed."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    before = body.config._attn_implementation
    body.set_attn_implementation(NAME)
    try:
        yield
    finally:
        body.set_attn_implementation(before)


@contextmanager
def _quiet_trial(body: Any) -> Iterator[None]:  # noqa: ANN401
    """Without dropout, gradients, and transformers' warnings of what the trial is to find out."""
    import torch
    from transformers.utils import logging

    was_training, level = body.training, logging.get_verbosity()
    before = body.config._attn_implementation
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    body.eval()
    if before == NAME:  # another owner of the body packs already
        body.set_attn_implementation("sdpa")
    try:
        with torch.no_grad():
            yield
    finally:
        if before == NAME:
            body.set_attn_implementation(before)
        body.train(was_training)
        logging.set_verbosity(level)


def packed_attention(
    module: "torch.nn.Module",
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    hbench_row: Row | None = None,
    **others: object,
) -> "tuple[torch.Tensor, None]":
    """An attention function as transformers' registry wants it.

    Args:
        module: the attention layer.
        query: (1, heads, T, dim).
        key: (1, heads or fewer, T, dim).
        value: likewise.
        attention_mask: must be None.
        scaling: of the scores; None is 1 / sqrt(dim).
        dropout: of the attention weights.
        is_causal: whether tokens see only what comes before; None asks the layer.
        hbench_row: the packed texts.
        others: what the architecture passes on besides.

    Returns:
        (1, T, heads, dim), and no attention weights.

    Raises:
        ValueError: tokens of one text would attend to another's, or an argument is not known.
    """
    if hbench_row is None or attention_mask is not None or query.shape[0] != 1:
        raise ValueError("packed attention needs one packed row and no mask; else texts would mix")
    unknown = {name for name, value in others.items() if value is not None} - HARMLESS
    if unknown:
        raise ValueError(f"packed attention does not know {', '.join(sorted(unknown))}")
    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    arguments: Mapping[str, Any] = {"dropout": dropout, "scale": scaling, "causal": causal}
    kernel = _kernel() if query.is_cuda and query.element_size() == 2 else None
    if kernel is not None:
        return kernel(query, key, value, hbench_row, **arguments).unsqueeze(0), None
    return _by_runs(query, key, value, hbench_row.packed, **arguments).unsqueeze(0), None


def _by_runs(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    packed: Packed,
    *,
    dropout: float,
    scale: float | None,
    causal: bool,
) -> "torch.Tensor":
    """(T, heads, dim): one unmasked call for each run of texts of equal length."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    sizes = [texts * length for texts, length in packed.runs]
    # Split, not sliced: the gradients of all runs are then joined once.
    queries, keys, values = (torch.split(each[0], sizes, dim=1) for each in (query, key, value))
    outputs: list[torch.Tensor] = []
    for run, q, k, v in zip(packed.runs, queries, keys, values, strict=True):
        output = scaled_dot_product_attention(
            q.view(q.shape[0], *run, -1).transpose(0, 1),
            k.view(k.shape[0], *run, -1).transpose(0, 1),
            v.view(v.shape[0], *run, -1).transpose(0, 1),
            dropout_p=dropout,
            is_causal=causal,
            scale=scale,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        outputs.append(output.transpose(1, 2).flatten(0, 1))
    return torch.cat(outputs)


def kernel_notes(body: Any) -> list[str]:  # noqa: ANN401
    """What a user should know of how a packed body attends on its device."""
    if body.device.type != "cuda":
        return []
    kernel = _kernel()
    dropout = body.training and any(
        getattr(part, "p", 0.0)
        for module in body.modules()
        if "Attention" in type(module).__name__
        for part in module.children()
    )
    if kernel is None:
        return ["no kernel for packed texts (flash-attn, or torch 2.13): one call for each length"]
    if dropout and kernel.__name__ == "varlen":
        return ["torch's kernel for packed texts has no dropout: with it, one call for each length"]
    return []


@cache
def _kernel() -> Kernel | None:
    """A variable-length kernel: flash-attn's where it is installed, else torch's, else none."""
    try:
        from flash_attn import flash_attn_varlen_func  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return _torch_kernel()

    def flash(query: Any, key: Any, value: Any, row: Row, **arguments: Any) -> Any:  # noqa: ANN401
        longest = row.packed.runs[-1][1]
        return flash_attn_varlen_func(
            *(tensor[0].transpose(0, 1) for tensor in (query, key, value)),
            *(row.bounds, row.bounds, longest, longest),
            dropout_p=arguments["dropout"],
            softmax_scale=arguments["scale"],
            causal=arguments["causal"],
        )

    return flash


def _torch_kernel() -> Kernel | None:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    if not {"scale", "window_size", "enable_gqa"} <= signature(varlen_attn).parameters.keys():
        return None

    def varlen(query: Any, key: Any, value: Any, row: Row, **arguments: Any) -> Any:  # noqa: ANN401
        longest = row.packed.runs[-1][1]
        if arguments["dropout"]:  # the kernel has none, and leaving it out would change training
            return _by_runs(query, key, value, row.packed, **arguments)
        return varlen_attn(
            query[0].transpose(0, 1),
            key[0].transpose(0, 1),
            value[0].transpose(0, 1),
            row.bounds,
            row.bounds,
            longest,
            longest,
            scale=arguments["scale"],
            window_size=(-1, 0) if arguments["causal"] else (-1, -1),
            enable_gqa=query.shape[1] != key.shape[1],
        )

    return varlen
