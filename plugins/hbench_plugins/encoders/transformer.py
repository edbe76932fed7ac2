"""A transformer with its tokenizer and head: the one training and encoding path of all encoders."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.packing import micro_batches
from hbench.records import Side
from hbench_plugins.encoders.layout import Pooling, write_head

if TYPE_CHECKING:
    import torch

TOKEN_BUDGET = {"cpu": 2048}  # small enough for a core's cache
GPU_TOKEN_BUDGET = 65_536


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

    def tokenize(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        """Token ids of each text, with prefix and special tokens, cut to the side's length."""
        if not texts:
            return []
        rule = self.sides[side]
        encoded = self.tokenizer(
            [rule.prefix + text for text in texts],
            truncation=True,
            max_length=rule.max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def embed(self, tokens: Sequence[Sequence[int]]) -> "torch.Tensor":
        """(len(tokens), dim), not normalised; row i belongs to text i."""
        import torch

        budget = TOKEN_BUDGET.get(self.body.device.type, GPU_TOKEN_BUDGET)
        groups = micro_batches([len(text) for text in tokens], budget=budget)
        vectors = torch.cat([self._embed_group([tokens[i] for i in group]) for group in groups])
        place = np.argsort(np.concatenate(groups))
        return vectors[torch.from_numpy(place).to(vectors.device)]

    def _embed_group(self, tokens: Sequence[Sequence[int]]) -> "torch.Tensor":
        import torch

        longest = max(map(len, tokens))
        ids = np.full((len(tokens), longest), self.tokenizer.pad_token_id, np.int64)
        mask = np.zeros((len(tokens), longest), np.int64)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        device = self.body.device
        seen = torch.from_numpy(mask).to(device)
        hidden = self.body(input_ids=torch.from_numpy(ids).to(device), attention_mask=seen)
        vectors: torch.Tensor = self._pool(hidden.last_hidden_state, seen)
        if self.dense is not None:
            vectors = self.dense(vectors)
            vectors = torch.tanh(vectors) if self.activation == "tanh" else vectors
        return vectors

    def _pool(self, hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        if self.pooling == "cls":
            return hidden[:, 0]
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

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
