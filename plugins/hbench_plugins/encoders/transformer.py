"""A transformer with its tokenizer and head: the one training and encoding path of all encoders."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.attention import NAME, Row, first_position, kernel_notes
from hbench.errors import DataError
from hbench.packing import Tokens, in_micro_batches, pack
from hbench.records import Int64Array, Side, Tokenized
from hbench_plugins.encoders.layout import Pooling, write_head
from hbench_plugins.encoders.packed import TokenTable, inputs, pooled

if TYPE_CHECKING:
    import torch


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' progress bars and reports; what matters in them is checked instead."""
    from transformers.utils import logging

    level: int = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Text:
    """What becomes of a text of one side before the transformer sees it."""

    prefix: str
    max_length: int


@dataclass(frozen=True)
class Transformer:
    """Meets ``hbench.protocols.Model``.

    Args:
        body: a transformers model that returns ``last_hidden_state``.
        tokenizer: its tokenizer.
        sides: prefix and length by side.
        pooling: ``mean`` over a text's tokens, or its first token (``cls``).
        dense: a linear layer after pooling, if there is one.
        activation: after the linear layer, ``tanh`` or ``identity``.
        normalize: whether the saved model ends in a normalisation.
    """

    body: Any
    tokenizer: Any
    sides: dict[Side, Text]
    pooling: Pooling
    dense: "torch.nn.Linear | None" = None
    activation: str = "identity"
    normalize: bool = True

    @property
    def notes(self) -> list[str]:
        """What a user should know of how texts are computed."""
        if self._first_position is None:
            kind = type(self.body).__name__
            return [f"{kind} cannot be packed: texts are padded, which is exact but slower"]
        return kernel_notes(self.body)

    @property
    def longest(self) -> float:
        """The most tokens of a text that the body has positions for."""
        positions: float = getattr(self.body.config, "max_position_embeddings", None) or math.inf
        if self._first_position is not None:
            return positions - self._first_position
        # RoBERTa's and MPNet's embeddings count from the padding id + 1.
        padding = getattr(getattr(self.body, "embeddings", None), "padding_idx", None)
        return positions - (0 if padding is None else padding + 1)

    def tokenizer_key(self, side: Side) -> str:
        """A sum over the tokenizer, the side's prefix and its length."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            backend.no_truncation()  # what tokenising left behind is no part of it
            content = backend.to_str()
        else:
            kind = type(self.tokenizer).__name__
            content = json.dumps([kind, sorted(self.tokenizer.get_vocab().items())])
        rule = self.sides[side]
        parts = json.dumps([content, rule.prefix, rule.max_length])
        return hashlib.sha256(parts.encode()).hexdigest()

    def tokenize(self, texts: Sequence[str], side: Side) -> Tokenized:
        """Token ids of each text, with prefix and special tokens, cut to the side's length."""
        if not texts:
            return Tokenized([])
        rule = self.sides[side]
        with quiet_transformers():  # it warns of long texts, which are counted here
            ids = self._ids([rule.prefix + text for text in texts])
            long = [row for row, text in enumerate(ids) if len(text) > rule.max_length]
            cut = self._ids([rule.prefix + texts[row] for row in long], rule.max_length)
        for row, text in zip(long, cut, strict=True):
            ids[row] = text
        return Tokenized(ids, len(long))

    def _ids(self, texts: list[str], max_length: int | None = None) -> list[list[int]]:
        if not texts:
            return []
        encoded = self.tokenizer(
            texts,
            truncation=max_length is not None,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def embed(self, tokens: Tokens, *, budget: int, recompute: bool = False) -> "torch.Tensor":
        """(len(tokens), dim), not normalised; row i belongs to text i."""
        shared = next(self.body.parameters())
        if self._first_position is None:
            embed = self._embed_padded
        elif (found := self._table.look_up(tokens)) is None:
            embed = partial(self._embed_packed, looked_up=None)
        else:
            embed, shared = partial(self._embed_packed, looked_up=found.ids), found.rows
        return in_micro_batches(embed, tokens, shared, budget=budget, recompute=recompute)

    @cached_property
    def _first_position(self) -> int | None:
        """The first position id of a packed text; None if texts must be padded."""
        first = first_position(self.body)
        if first is not None:
            self.body.set_attn_implementation(NAME)
        return first

    @cached_property
    def _table(self) -> TokenTable:
        return TokenTable(self.body.get_input_embeddings())

    def _embed_packed(
        self, tokens: Tokens, shared: "torch.Tensor", looked_up: Int64Array | None
    ) -> "torch.Tensor":
        """(len(tokens), dim) of one micro-batch, in ascending length, without padding."""
        packed = pack(tokens)
        row = Row(packed, self.body.device)
        hidden = self.body(
            **inputs(row, looked_up, shared),
            position_ids=row.positions(self._first_position or 0),
            hbench_row=row,
        ).last_hidden_state[0]
        return self._head(pooled(hidden, packed, self.pooling))

    def _embed_padded(self, tokens: Tokens, _: "torch.Tensor") -> "torch.Tensor":
        """As ``_embed_packed``, for an architecture that cannot be packed."""
        import torch

        longest = max(map(len, tokens))
        padding = self.tokenizer.pad_token_id
        ids = np.full((len(tokens), longest), 0 if padding is None else padding, np.int64)
        mask = np.zeros((len(tokens), longest), np.int64)
        for place, text in enumerate(tokens):
            ids[place, : len(text)] = text
            mask[place, : len(text)] = 1
        seen = torch.from_numpy(mask).to(self.body.device)
        hidden = self.body(
            input_ids=torch.from_numpy(ids).to(self.body.device), attention_mask=seen
        ).last_hidden_state
        if self.pooling == "cls":
            return self._head(hidden[:, 0])
        weights = seen.unsqueeze(-1).to(hidden.dtype)
        return self._head((hidden * weights).sum(dim=1) / weights.sum(dim=1))

    def _head(self, vectors: "torch.Tensor") -> "torch.Tensor":
        """What follows the pooling."""
        import torch

        if self.dense is None:
            return vectors
        projected: torch.Tensor = self.dense(vectors)
        return torch.tanh(projected) if self.activation == "tanh" else projected

    def drop(self, share: float) -> None:
        """Set the share of activations that are dropped in training."""
        import torch

        for module in self.body.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = share
            for name in ("attention_dropout", "dropout"):  # as others keep it
                if isinstance(getattr(module, name, None), float):
                    setattr(module, name, share)

    def checkpoint_layers(self) -> None:
        """In training, keep no activations inside of layers; compute them anew.

        Raises:
            DataError: the architecture cannot do so.
        """
        is_new = hasattr(self.body, "activation_checkpointing_enable")  # the old name warns there
        name = "activation_checkpointing_enable" if is_new else "gradient_checkpointing_enable"
        try:
            getattr(self.body, name)({"use_reentrant": False})
        except ValueError as error:
            raise DataError(f"{error}; leave gradient_checkpointing out") from error

    def parameters(self) -> "Iterator[torch.nn.Parameter]":
        """What the optimiser changes."""
        return chain.from_iterable(part.parameters() for part in self._parts)

    def to(self, device: "torch.device") -> None:
        """Move to a device."""
        for part in self._parts:
            part.to(device)

    def train(self, mode: bool = True) -> None:
        """Switch between training and inference."""
        for part in self._parts:
            part.train(mode)

    def save(self, folder: Path) -> None:
        """Write a folder that sentence-transformers loads as it is."""
        from safetensors.torch import save_file

        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            backend.no_truncation()  # what tokenising left behind is no part of the model
        with quiet_transformers():
            self.body.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        query, passage = self.sides["query"], self.sides["passage"]
        dense = self.dense
        dense_folder = write_head(
            folder,
            dim=self.body.config.hidden_size,
            pooling=self.pooling,
            dense=(dense.in_features, dense.out_features) if dense is not None else None,
            activation=self.activation,
            normalize=self.normalize,
            max_length=max(query.max_length, passage.max_length),
            prefixes={"query": query.prefix, "document": passage.prefix},
        )
        if dense is not None and dense_folder is not None:
            weights = {"linear.weight": dense.weight, "linear.bias": dense.bias}
            tensors = {name: w.detach().cpu().contiguous() for name, w in weights.items()}
            save_file(tensors, dense_folder / "model.safetensors")

    @property
    def _parts(self) -> list[Any]:
        return [self.body] if self.dense is None else [self.body, self.dense]
