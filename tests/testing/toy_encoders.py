"""A right encoder, which is small and needs no files, and ways to change what it does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal
from zlib import crc32

import torch
from safetensors.torch import load_file, save_file

from hbench.packing import in_micro_batches
from hbench.records import Side, Tokenized

FILE = "model.safetensors"


class Model(torch.nn.Module):
    """A bag of words: the mean of their vectors, and a layer after it."""

    def __init__(self, options: "Encoder") -> None:
        super().__init__()
        self.options = options
        kind = getattr(torch, options.dtype)
        self.words = torch.nn.Embedding(options.buckets, options.size, dtype=kind)
        self.dropout = torch.nn.Dropout(options.dropout)
        self.layer = torch.nn.Linear(options.size, 3, dtype=kind)

    def tokenizer_key(self, side: Side) -> str:
        return f"words {side} {self.options.buckets} {self.options.longest}"

    def tokenize(self, texts, side: Side):
        ids = [[self.number(word) for word in f"{side}: {text}".split()] for text in texts]
        longest = self.options.longest
        return Tokenized([own[:longest] for own in ids], sum(len(own) > longest for own in ids))

    def number(self, word: str) -> int:
        return crc32(word.encode()) % self.options.buckets

    def embed(self, tokens, *, budget: int, recompute: bool = False):
        shared = self.words.weight
        return in_micro_batches(self.vectors, tokens, shared, budget=budget, recompute=recompute)

    def vectors(self, tokens, shared):
        """(len(tokens), 3) of one micro-batch."""
        return self.head(torch.stack([self.mean(ids) for ids in tokens]))

    def mean(self, ids):
        return self.words(self.tensor(ids)).mean(dim=0)

    def tensor(self, ids):
        return torch.tensor(list(map(int, ids)), dtype=torch.long, device=self.words.weight.device)

    def head(self, means):
        return self.layer(self.dropout(means))

    def save(self, folder: Path) -> None:
        folder.mkdir()
        save_file(self.state_dict(), folder / FILE)


@dataclass(frozen=True)
class Encoder:
    """Random weights; words are hashed."""

    size: int = 8
    buckets: int = 64
    longest: int = 50
    dropout: float = 0.0
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = "float32"
    version: ClassVar[int] = 1
    from_scratch: ClassVar[Any] = True
    model: ClassVar[type[Model]] = Model

    def fingerprint(self):
        return ""

    def create(self, texts, *, seed: int):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.model(self)

    def load(self, folder: Path):
        model = self.create([], seed=0)
        model.load_state_dict(load_file(folder / FILE))
        return model


class Pretrained(Encoder):
    """Always the same weights; reads no texts."""

    from_scratch = False

    def fingerprint(self):
        return "toy 1"

    def create(self, texts, *, seed: int):
        return super().create([], seed=7)


def having(base: type[Encoder] = Encoder, **parts: Any) -> type[Encoder]:
    """An encoder that differs in these parts."""
    return type("Broken", (base,), parts)


def of_model(**parts: Any) -> type[Encoder]:
    """An encoder whose model differs in these parts."""
    return having(model=type("BrokenModel", (Model,), parts))
