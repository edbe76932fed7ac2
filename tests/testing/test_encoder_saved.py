"""What breaks a rule of saved models, of models on a GPU or in another process, is caught."""

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.testing.toy_encoders import FILE, Encoder, Model, having, of_model

from hbench.testing import ContractError, check_encoder, saved
from hbench.testing.encoder import ELSEWHERE


class ForgetsWhereToCut(Encoder):
    def load(self, folder):
        model = super().load(folder)
        model.options = Encoder(longest=5)
        return model


def starting_anew(self, folder):
    return self.create([], seed=1)


def part_of_it(self, folder):
    model = self.create([], seed=1)
    weights = {name: part for name, part in load_file(folder / FILE).items() if "words" in name}
    model.load_state_dict(weights, strict=False)
    return model


def saving_besides(write: Callable[[Path, Any], Any]) -> type[Encoder]:
    """An encoder whose model writes one more thing."""

    def save(self, folder):
        Model.save(self, folder)
        write(folder, {"words": self.options.buckets})

    return of_model(save=save)


def as_array(folder: Path, thing: Any) -> None:
    np.save(folder / "options.npy", np.array(thing), allow_pickle=True)


def as_gzip(folder: Path, thing: Any) -> None:
    (folder / "options.json").write_bytes(gzip.compress(pickle.dumps(thing)))


def with_torch(folder: Path, thing: Any) -> None:
    torch.save(thing, folder / "options.bin")


def in_the_old_way(folder: Path, thing: Any) -> None:
    (folder / "options.txt").write_bytes(pickle.dumps(thing, protocol=0))


def into_a_buffer(self, means):
    """Its type is the table's, and not what the layer gives under autocast."""
    vectors = torch.zeros(len(means), 3, dtype=means.dtype, device=means.device)
    return vectors.index_add(0, torch.arange(len(means), device=means.device), self.layer(means))


class InAList(Model):
    """Torch does not find layers that are in a list."""

    def __init__(self, options):
        super().__init__(options)
        self.layers = [torch.nn.Linear(3, 3)]

    def head(self, means):
        return self.layers[0](super().head(means))

    def parameters(self, recurse=True):
        return iter([*super().parameters(recurse), *self.layers[0].parameters()])

    def save(self, folder):
        super().save(folder)
        save_file(self.layers[0].state_dict(), folder / "layer.safetensors")


class LayerInAList(Encoder):
    model = InAList

    def load(self, folder):
        model = super().load(folder)
        model.layers[0].load_state_dict(load_file(folder / "layer.safetensors"))
        return model


class OnlyHere(Encoder):
    """Another process has other hashes, and nothing in its memory."""

    kept: ClassVar[dict[str, Any]] = {}

    class model(Model):
        def number(self, word):
            return hash(word) % self.options.buckets

        def save(self, folder):
            folder.mkdir()
            OnlyHere.kept.update(self.state_dict())

    def load(self, folder):
        model = self.create([], seed=0)
        model.load_state_dict(self.kept, strict=False)
        return model


BROKEN: list[tuple[str, type[Encoder]]] = [
    ("loaded-is-what-was-saved", having(load=starting_anew)),
    ("loaded-is-what-was-saved", having(load=part_of_it)),
    ("loaded-is-what-was-saved", ForgetsWhereToCut),
    ("nothing-is-pickled", saving_besides(as_array)),
    ("nothing-is-pickled", saving_besides(as_gzip)),
    ("nothing-is-pickled", saving_besides(with_torch)),
    ("nothing-is-pickled", saving_besides(in_the_old_way)),
    ("works-in-mixed-precision", of_model(head=into_a_buffer)),
    ("works-on-another-device", of_model(tensor=lambda self, ids: torch.tensor(ids.tolist()))),
    ("works-on-another-device", LayerInAList),
]


@pytest.mark.parametrize(("rule", "encoder"), BROKEN)
def test_a_broken_encoder_is_caught_by_the_rule_that_it_breaks(rule, encoder):
    with pytest.raises(ContractError) as caught:
        check_encoder(encoder(), other_processes=False)
    assert caught.value.rule.name == rule


def test_every_rule_has_an_encoder_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in saved.RULES}


def test_what_another_process_would_not_know_is_caught():
    with pytest.raises(ContractError) as caught:
        check_encoder(OnlyHere())
    assert caught.value.rule == ELSEWHERE
    told = str(caught.value)
    assert "ids of query texts by the created model" in told
    assert "weights of the loaded model" in told
    assert "weights of the created model" not in told


def test_files_that_are_named_by_where_they_lay_are_missed_after_a_move():
    def save(self, folder):
        Model.save(self, folder)
        (folder / "parts.json").write_text(json.dumps([str(folder / FILE)]))

    def load(self, folder):
        (part,) = json.loads((folder / "parts.json").read_text())
        model = self.create([], seed=0)
        model.load_state_dict(load_file(part))
        return model

    with pytest.raises(FileNotFoundError) as caught:
        check_encoder(having(of_model(save=save), load=load)())
    (note,) = caught.value.__notes__
    assert note.endswith("; the folder was moved")


def test_a_model_that_looks_at_numbers_is_warned_of_and_passes():
    def head(self, means):
        return self.layer(means) / max(1.0, float(means.detach().norm()) / 1e9)

    with pytest.warns(UserWarning, match="looks at numbers when it embeds"):
        check_encoder(of_model(head=head)(), other_processes=False)
