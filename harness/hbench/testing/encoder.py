"""The contract of encoders, as checks."""

import hashlib
from typing import Any

from hbench.protocols import Encoder
from hbench.testing import created, embedded, saved, tokenized
from hbench.testing.common import check_common
from hbench.testing.elsewhere import answers
from hbench.testing.rules import Checked, Rule

ELSEWHERE = Rule(
    "same-model-in-another-process",
    "Another process creates the same weights and the same token ids, whatever its PYTHONHASHSEED.",
    "no hash() of texts, and no order of a set, in vocabulary, ids or weights",
)
RULES = (*created.RULES, *tokenized.RULES, *embedded.RULES, *saved.RULES, ELSEWHERE)


def check_encoder(plugin: object, *, other_processes: bool = True) -> None:
    """Check all rules of encoders, with the texts of `hbench.testing.created`.

    The model is created four times, trained a little, and saved into a scratch folder.

    Args:
        plugin: the encoder.
        other_processes: False leaves out the last rule, which takes seconds, since two processes
            import torch and create the model once more.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Encoder)
    model = created.first_model(checked)
    tokenized.check_tokens(checked, model)
    created.check_seeds(checked, model)
    embedded.check_vectors(checked, model)
    saved.check_saving(checked, model)
    if other_processes:
        _check_elsewhere(checked)


def model_in_words(encoder: Any) -> dict[str, Any]:  # noqa: ANN401
    """What an untrained model is like, as JSON: the question that other processes are asked."""
    model = encoder.create(created.training_texts(), seed=created.SEEDS[0])
    weights = hashlib.sha256()
    for each in model.parameters():
        weights.update(each.detach().double().numpy().tobytes())
    told: dict[str, Any] = {"weights": weights.hexdigest()}
    for side in created.SIDES:
        ids = model.tokenize(created.TEXTS, side).ids
        told[f"ids of {side} texts"] = [list(map(int, own)) for own in ids]
        told[f"tokenizer_key({side!r})"] = model.tokenizer_key(side)
    return told


def _check_elsewhere(checked: Checked) -> None:
    here = model_in_words(checked.plugin)
    for there in answers(checked.plugin, model_in_words):
        differing = [what for what in here if here[what] != there[what]]
        found = f"differing: {', '.join(differing)}"
        given = "hbench.testing.encoder.model_in_words(encoder), here and in another process"
        checked.require(not differing, ELSEWHERE, given=given, found=found)
