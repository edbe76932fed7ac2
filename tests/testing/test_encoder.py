"""Right encoders pass; what breaks a rule of an encoder, or of its model's tokens, is caught."""

import uuid
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.testing.toy_encoders import FILE, Encoder, Model, Pretrained, having, of_model

from hbench.records import Tokenized
from hbench.testing import ContractError, check_encoder, created, embedded, saved, tokenized
from hbench.testing.encoder import ELSEWHERE, RULES


class LastLayerAlone(Model):
    """Trains nothing else."""

    def __init__(self, options):
        super().__init__(options)
        self.words.requires_grad_(False)

    def embed(self, tokens, *, budget, recompute=False):
        return self.vectors(tokens, None)


class DistinctWords(Model):
    """The order of words, and how often they occur, make no difference."""

    def tokenize(self, texts, side):
        return Tokenized([sorted({self.number(word) for word in text.split()}) for text in texts])


class Arrays(Model):
    """Keeps the end of a text, as some do that pool the last token; ids are arrays."""

    def tokenize(self, texts, side):
        ids: list[Any] = [np.array([self.number(word) for word in text.split()]) for text in texts]
        return Tokenized([own[-20:] for own in ids], sum(len(own) > 20 for own in ids))


@pytest.mark.parametrize(
    "encoder",
    [Encoder(), Pretrained(), Encoder(dropout=0.5),
     *(Encoder(dtype=kind, dropout=0.1) for kind in ("bfloat16", "float16", "float64")),
     *(having(model=model)() for model in (LastLayerAlone, DistinctWords, Arrays))],
)  # fmt: skip
def test_right_encoders_pass(encoder):
    check_encoder(encoder, other_processes=False)


def creating(create: Callable[..., Any], base: type[Encoder] = Encoder) -> type[Encoder]:
    """An encoder that creates models in another way."""
    return having(base, create=lambda self, texts, *, seed: create(self, texts, seed))


def tokenizing(change: Callable[[Tokenized], Any]) -> type[Encoder]:
    """An encoder whose model changes what a right one makes of texts."""
    return of_model(tokenize=lambda self, texts, side: change(Model.tokenize(self, texts, side)))


def of_any_seed(self, texts, seed):
    return self.model(self)


def reading_the_first(self, texts, seed):
    next(iter(texts))
    return Pretrained().create([], seed=seed)


def on_no_device(self, texts, seed):
    return Encoder().create(texts, seed=seed).to("meta")


class Wandering(Model):
    """Gives its parameters forwards and backwards in turn."""

    calls = count()

    def parameters(self, recurse=True):
        found = list(super().parameters(recurse))
        return iter(found[:: 1 - 2 * (next(self.calls) % 2)])


def listed_twice(self):
    return [*self.words.parameters(), *self.layer.parameters(), *self.words.parameters()]


class Growing(Model):
    """Numbers words as they come."""

    def __init__(self, options):
        super().__init__(options)
        self.known: dict[str, int] = {}

    def number(self, word):
        return self.known.setdefault(word, len(self.known) % self.options.buckets)


def as_words(found: Tokenized) -> Tokenized:
    ids: list[Any] = [list("ab") for _ in found.ids]
    return Tokenized(ids)


def to_the_longest(found: Tokenized) -> Tokenized:
    longest = max(map(len, found.ids))
    return Tokenized([[*ids, *[0] * (longest - len(ids))] for ids in found.ids], found.cut)


class KeyOfState(Model):
    """Its key holds how long the last text was, as a tokenizer's settings may."""

    last = 0

    def tokenize(self, texts, side):
        found = super().tokenize(texts, side)
        self.last = len(found.ids[-1])
        return found

    def tokenizer_key(self, side):
        return f"{super().tokenizer_key(side)} {self.last}"


class KeyOfPlace(Encoder):
    """Where a model was loaded from is in its key."""

    def load(self, folder):
        model = super().load(folder)
        model.tokenizer_key = lambda side: f"{folder} {side}"
        return model


def other_keys(self, side):
    return f"words {side} {uuid.uuid4()}"


BROKEN: list[tuple[str, type[Encoder]]] = [
    ("from-scratch-is-a-bool", having(from_scratch="no")),
    ("from-scratch-is-a-bool", having(from_scratch=lambda self: True)),
    ("fingerprint-is-one-text", having(fingerprint=lambda self: None)),
    ("fingerprint-is-one-text", having(fingerprint=lambda self: str(uuid.uuid4()))),
    ("create-and-load-give-a-model", creating(lambda self, texts, seed: None)),
    ("create-and-load-give-a-model", creating(lambda self, texts, seed: torch.nn.Linear(2, 2))),
    ("create-and-load-give-a-model", creating(on_no_device)),
    ("create-and-load-give-a-model", of_model(parameters=lambda self: self.state_dict().values())),
    ("create-and-load-give-a-model", of_model(parameters=lambda self: iter([]))),
    ("create-and-load-give-a-model", having(load=lambda self, folder: load_file(folder / FILE))),
    ("parameters-in-one-order", having(model=Wandering)),
    ("parameters-in-one-order", of_model(parameters=listed_twice)),
    ("texts-are-read-only-from-scratch", creating(reading_the_first, Pretrained)),
    ("same-seed-same-model", creating(of_any_seed)),
    ("same-seed-same-model", having(model=Growing)),
    ("seed-is-for-from-scratch", having(Pretrained, from_scratch=True)),
    ("seed-is-for-from-scratch", having(Encoder, from_scratch=False)),
    ("ids-for-each-text", tokenizing(lambda found: found.ids)),
    ("ids-for-each-text", tokenizing(lambda found: Tokenized(found.ids[1:]))),
    ("ids-for-each-text", tokenizing(lambda found: Tokenized(found.ids, cut=True))),
    ("ids-for-each-text", tokenizing(lambda found: Tokenized([[-1] for _ in found.ids]))),
    ("ids-for-each-text", tokenizing(as_words)),
    ("ids-of-a-text-are-its-own", tokenizing(to_the_longest)),
    ("cut-counts-what-was-cut", tokenizing(lambda found: Tokenized(found.ids))),
    ("cut-counts-what-was-cut", tokenizing(lambda found: Tokenized(found.ids, len(found.ids)))),
    ("tokenizer-key-identifies-the-ids", of_model(tokenizer_key=lambda self, side: "")),
    ("tokenizer-key-identifies-the-ids", of_model(tokenizer_key=lambda self, side: 7)),
    ("tokenizer-key-identifies-the-ids", of_model(tokenizer_key=lambda self, side: "words")),
    ("tokenizer-key-identifies-the-ids", of_model(tokenizer_key=other_keys)),
    ("tokenizer-key-identifies-the-ids", having(model=KeyOfState)),
    ("tokenizer-key-identifies-the-ids", KeyOfPlace),
]


@pytest.mark.parametrize(("rule", "encoder"), BROKEN)
def test_a_broken_encoder_is_caught_by_the_rule_that_it_breaks(rule, encoder):
    with pytest.raises(ContractError) as caught:
        check_encoder(encoder(), other_processes=False)
    assert caught.value.rule.name == rule


def test_every_rule_has_an_encoder_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {
        rule.name for rule in (*created.RULES, *tokenized.RULES)
    }


def test_the_rules_of_encoders_are_those_of_their_parts():
    """Each part has tests of its own: of vectors, and of saved models."""
    parts = (*created.RULES, *tokenized.RULES, *embedded.RULES, *saved.RULES, ELSEWHERE)
    assert parts == RULES


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_encoder(tokenizing(lambda found: Tokenized(found.ids))())
    assert str(caught.value) == (
        "Broken(size=8, buckets=64, longest=50, dropout=0.0, dtype='float32') breaks the rule "
        "'cut-counts-what-was-cut': `cut` is how many of the texts were too long and lost tokens.\n"
        '  input: tokenize(["tower " * 10007, "tower " * 10007 + "bridge " + "tower " * 10007], '
        "'query')\n"
        "  found: 50 and 50 ids, the same, and cut=0\n"
        "  right: sum(len(ids) > self.max_length for ids in uncut)"
    )
