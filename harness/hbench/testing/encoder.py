"""The contract of encoders, as checks."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hbench.protocols import Encoder, Model
from hbench.testing import created, embedded, saved, tokenized
from hbench.testing.common import check_common
from hbench.testing.elsewhere import answers
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

ELSEWHERE = Rule(
    "same-model-in-another-process",
    "Another process creates the same weights and token ids, and loads what was saved here, "
    "whatever its PYTHONHASHSEED.",
    "no hash() of texts, and no order of a set, in vocabulary, ids or weights; all that `load` "
    "needs is in the folder",
)
RULES = (*created.RULES, *tokenized.RULES, *embedded.RULES, *saved.RULES, ELSEWHERE)


def check_encoder(plugin: object, *, other_processes: bool = True) -> None:
    """Check all rules of encoders, with the texts of `hbench.testing.created`.

    The model is created several times, changed a little, and saved into a scratch folder.

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
        _check_elsewhere(checked, model)
    saved.check_mixed(checked, model)
    saved.check_moving(checked, model)


def model_in_words(encoder: Any, folder: str) -> dict[str, Any]:  # noqa: ANN401
    """What models are like, as JSON: the question that other processes are asked.

    Args:
        encoder: creates an untrained one.
        folder: of a saved one.
    """
    created_model = encoder.create(created.training_texts(), seed=created.SEEDS[0])
    told: dict[str, Any] = {}
    for how, model in (("created", created_model), ("loaded", encoder.load(Path(folder)))):
        weights = hashlib.sha256()
        for each in model.parameters():
            weights.update(each.detach().double().numpy().tobytes())
        told[f"weights of the {how} model"] = weights.hexdigest()
        for side in created.SIDES:
            ids = created.ids_of(model, created.TEXTS, side)
            told[f"ids of {side} texts by the {how} model"] = ids
            told[f"tokenizer_key({side!r}) of the {how} model"] = model.tokenizer_key(side)
    return told


def _check_elsewhere(checked: Checked, model: Model) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        model.save(folder)
        here = model_in_words(checked.plugin, str(folder))
        for there in answers(checked.plugin, model_in_words, str(folder)):
            differing = [what for what in here if here[what] != there[what]]
            found = f"differing: {', '.join(differing)}"
            given = "create(...) and load(folder), here and in another process"
            checked.require(not differing, ELSEWHERE, given=given, found=found)
