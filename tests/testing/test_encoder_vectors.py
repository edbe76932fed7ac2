"""What breaks a rule of vectors and their gradients is caught."""

import numpy as np
import pytest
import torch
from tests.testing.toy_encoders import Encoder, Model, having, of_model
from torch.utils.checkpoint import checkpoint

from hbench.packing import in_micro_batches
from hbench.records import Tokenized
from hbench.testing import ContractError, check_encoder
from hbench.testing.embedded import RULES


def changing(change) -> type[Encoder]:
    """An encoder whose model changes the vectors of a right one, given what it was called with."""

    def embed(self, tokens, *, budget, recompute=False):
        vectors = Model.embed(self, tokens, budget=budget, recompute=recompute)
        return change(vectors, tokens, budget, recompute)

    return of_model(embed=embed)


def dropping_out(self, means):
    return self.layer(torch.nn.functional.dropout(means, 0.5))


class OneScript(Model):
    """Knows the words of one script."""

    def tokenize(self, texts, side):
        words = [[word for word in text.split() if word.isascii()] for text in texts]
        return Tokenized([[self.number(word) for word in own] for own in words])


def sorted_by_length(self, tokens, *, budget, recompute=False):
    return self.vectors(sorted(tokens, key=len), None)


def padded(self, tokens, shared):
    """Pads with word 0, and forgets to mask it."""
    longest = max(map(len, tokens))
    return self.head(torch.stack([self.mean([*ids, *[0] * (longest - len(ids))])
                                  for ids in tokens]))  # fmt: skip


def cut_to_budget(self, tokens, *, budget, recompute=False):
    return self.vectors([ids[:budget] for ids in tokens], None)


def without_gradients(self, tokens, *, budget, recompute=False):
    with torch.no_grad():
        return self.vectors(tokens, None)


def roots(vectors, *_):
    """Their slope is infinite where all is 0."""
    return torch.cat([vectors, (vectors[:, :1] * 0).sqrt()], dim=1)


def rounded_when_recomputed(vectors, tokens, budget, recompute):
    return vectors.bfloat16().float() if recompute else vectors


def detached_when_recomputed(vectors, tokens, budget, recompute):
    return vectors.detach() if recompute else vectors


class OtherDropout(Model):
    """What is computed anew drops out something else."""

    def embed(self, tokens, *, budget, recompute=False):
        def again(part, shared):
            if not recompute:
                return self.vectors(part, shared)
            return checkpoint(
                self.vectors, part, shared, use_reentrant=False, preserve_rng_state=False
            )

        weight = self.words.weight
        return in_micro_batches(again, tokens, weight, budget=budget, recompute=False)


class BatchNorm(Model):
    def __init__(self, options):
        super().__init__(options)
        self.norm = torch.nn.BatchNorm1d(3)

    def head(self, means):
        return self.norm(super().head(means))


class WithDropout(Encoder):
    """As it would be used: with an option."""

    model = OtherDropout

    def create(self, texts, *, seed):
        model = super().create(texts, seed=seed)
        model.dropout.p = 0.5
        return model


BROKEN = [
    ("one-vector-a-text", changing(lambda vectors, *_: list(vectors))),
    ("one-vector-a-text", changing(lambda vectors, *_: vectors.mean(dim=0))),
    ("one-vector-a-text", changing(lambda vectors, *_: vectors.sign().int())),
    ("one-vector-a-text", changing(lambda vectors, *_: vectors.detach().numpy())),
    ("one-vector-a-text", changing(lambda vectors, *_: vectors[1:])),
    ("one-vector-a-text", changing(lambda vectors, *_: vectors[:, : 1 + len(vectors) % 3])),
    ("vectors-have-a-direction", having(model=OneScript)),
    ("vectors-have-a-direction", changing(lambda vectors, *_: vectors - vectors)),
    ("same-text-same-vector", of_model(head=dropping_out)),
    ("row-i-belongs-to-text-i", of_model(embed=sorted_by_length)),
    ("each-text-for-itself", of_model(vectors=padded)),
    ("each-text-for-itself", changing(lambda vectors, *_: vectors - vectors.mean(0) / 2)),
    ("budget-changes-nothing", of_model(embed=cut_to_budget)),
    ("vectors-have-gradients", changing(lambda vectors, *_: vectors.detach())),
    ("vectors-have-gradients", of_model(embed=without_gradients)),
    ("vectors-have-gradients", changing(roots)),
    ("recompute-changes-nothing", changing(rounded_when_recomputed)),
    ("recompute-changes-nothing", changing(detached_when_recomputed)),
    ("recompute-changes-nothing", WithDropout),
    ("parameters-are-all-that-training-changes", having(model=BatchNorm)),
    ("parameters-are-all-that-training-changes",
     of_model(parameters=lambda self: self.words.parameters())),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize(("rule", "encoder"), BROKEN)
def test_a_broken_model_is_caught_by_the_rule_that_it_breaks(rule, encoder):
    with pytest.raises(ContractError) as caught:
        check_encoder(encoder(), other_processes=False)
    assert caught.value.rule.name == rule


def test_every_rule_has_a_model_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_names_the_text_and_how_it_was_asked_for():
    with pytest.raises(ContractError) as caught:
        check_encoder(of_model(vectors=padded)(), other_processes=False)
    assert str(caught.value) == (
        "Broken(size=8, buckets=64, longest=50, dropout=0.0, dtype='float32') breaks the rule "
        "'each-text-for-itself': After train(False) a text's vector does not depend on the other "
        "texts of the call.\n"
        "  input: embed(the ids of hbench.testing.created.TEXTS, of both sides, budget=4096), and "
        "each text in a call of its own\n"
        "  found: component 1 of text 'tower' as query is 0.757088721, and then -0.739730299\n"
        "  right: padding that is masked in attention and pooling"
    )


def test_an_error_of_the_model_itself_is_raised_with_a_note_of_what_it_was_given():
    def raising(*_):
        raise KeyError("Ulm")

    with pytest.raises(KeyError, match="Ulm") as caught:
        check_encoder(changing(raising)())
    (note,) = caught.value.__notes__
    assert note == (
        "while the rule 'same-text-same-vector' was checked with embed(14 texts of the ids of "
        "hbench.testing.created.TEXTS, of both sides, budget=4096, recompute=False)"
    )


def test_arrays_that_are_read_only_are_what_a_model_is_given():
    """As they come from the cache, mapped into memory."""

    def embed(self, tokens, *, budget, recompute=False):
        for ids in tokens:
            assert ids.dtype == np.int32 and not ids.flags.writeable
        return Model.embed(self, tokens, budget=budget, recompute=recompute)

    check_encoder(of_model(embed=embed)(), other_processes=False)
