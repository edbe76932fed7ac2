"""What an encoder says of itself, and the models that it creates."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, get_args

from hbench.errors import shown
from hbench.protocols import Model
from hbench.records import Side
from hbench.registry import parts_of
from hbench.testing.chance import global_random_state
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

SEEDS = (1, 2**32 - 1)
SIDES: tuple[Side, ...] = get_args(Side)
TEXTS = (
    "Who built the iron tower?",
    "tower",
    "铁塔是谁建的，建了多少年？",
    "Кто построил башню, и когда это было, и сколько в ней ступеней?",
    "من بنى البرج الحديدي ومتى افتتح؟",
    "The iron tower was built by an engineer of bridges. " + "It was to stand for a while. " * 8,
    "🜁🜂🜃🜄",  # of a script that no training text has
)

FROM_SCRATCH = Rule(
    "from-scratch-is-a-bool",
    "`from_scratch` says whether the untrained model depends on the seed and the training texts.",
    "from_scratch: ClassVar[bool] = False",
)
FINGERPRINT = Rule(
    "fingerprint-is-one-text",
    '`fingerprint` is a text that identifies the weights to start from; "" if there are none.',
    "a revision or a checksum, the same whenever it is asked for",
)
MODEL = Rule(
    "create-and-load-give-a-model",
    "`create` and `load` give an object with all parts of hbench.protocols.Model, on the CPU, with "
    "a parameter that wants gradients.",
    f"an object with the methods {', '.join(parts_of(Model))}, as a torch.nn.Module has some",
)
ORDER = Rule(
    "parameters-in-one-order",
    "`parameters` gives the same tensors in the same order, each once, of a model that was created "
    "or loaded.",
    "an order that follows from the code, as torch.nn.Module's, and not from a set",
)
UNREAD = Rule(
    "texts-are-read-only-from-scratch",
    "An encoder that is not from scratch never reads the training texts: there may be none.",
    "a tokenizer that comes with the weights, or from_scratch = True",
)
SAME = Rule(
    "same-seed-same-model",
    "The same texts and seed give the same weights and token ids, whatever the global random "
    "numbers of random, numpy and torch are.",
    "with torch.random.fork_rng(devices=[]): torch.manual_seed(seed), and the weights are drawn",
)
SEED = Rule(
    "seed-is-for-from-scratch",
    "Another seed gives other weights if `from_scratch`, and the same weights if not.",
    "weights that are drawn from the seed, or from_scratch = False",
)
RULES = (FROM_SCRATCH, FINGERPRINT, MODEL, ORDER, UNREAD, SAME, SEED)


class _Noted(Sequence[str]):
    """Texts that know whether somebody looked at them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts, self.were_read = texts, False

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        self.were_read = True
        return self.texts[index]

    def __iter__(self) -> Iterator[str]:
        self.were_read = True
        return iter(self.texts)


def training_texts() -> list[str]:
    """What an encoder is created from: a few hundred sentences, and all of `TEXTS` but the last."""
    builders = ("the engineer", "a mason", "my sister", "nobody", "die Königin", "el maestro")
    verbs = ("built", "drew", "found", "painted", "sold", "measured")
    things = ("the iron tower", "a bridge", "this house", "den Turm", "una torre", "la puerta")
    sentences = [" ".join(words) for words in product(builders, verbs, things)]
    return [*sentences, *TEXTS[:-1]]


def first_model(checked: Checked) -> Model:
    """Check what the encoder says of itself, and return an untrained model."""
    encoder: Any = checked.plugin
    from_scratch = encoder.from_scratch
    holds = isinstance(from_scratch, bool)
    checked.require(holds, FROM_SCRATCH, given="`from_scratch`", found=shown(from_scratch))
    with checked.asked(FINGERPRINT, "fingerprint()"):
        prints = encoder.fingerprint(), encoder.fingerprint()
    holds = isinstance(prints[0], str) and prints[0] == prints[1]
    found = f"{shown(prints[0])}, asked again {shown(prints[1])}"
    checked.require(holds, FINGERPRINT, given="fingerprint()", found=found)
    return _created(checked, SEEDS[0], chance=1)


def check_seeds(checked: Checked, model: Model) -> None:
    """Compare `first_model`, whose token ids are in order, with others."""
    seed, other_seed = SEEDS
    from_scratch = checked.plugin.from_scratch  # type: ignore[attr-defined]
    again = _created(checked, seed, chance=2)
    difference = _difference(model, again)
    found = f"{difference}; the global random numbers were others"
    checked.require(not difference, SAME, given=_given(seed), found=found)
    del again  # a pretrained model may be large
    other = _created(checked, other_seed, chance=1)
    difference = _difference(model, other)
    given = f"{_given(seed)}, and seed={other_seed}; from_scratch={from_scratch}"
    found = difference or "the same weights"
    checked.require(from_scratch == bool(difference), SEED, given=given, found=found)


def require_model(checked: Checked, model: Any, given: str) -> Model:  # noqa: ANN401
    """Demand that something is a model, and return it."""
    import torch

    missing = [part for part in parts_of(Model) if not callable(getattr(model, part, None))]
    found = f"{shown(model)}, which lacks {', '.join(missing)}"
    checked.require(not missing, MODEL, given=given, found=found)
    with checked.asked(MODEL, given):
        parameters, again = list(model.parameters()), list(model.parameters())
    strange = [each for each in parameters if not isinstance(each, torch.nn.Parameter)]
    found = f"among the parameters {shown(type(strange[0]))}" if strange else ""
    checked.require(not strange, MODEL, given=given, found=found)
    elsewhere = {str(each.device) for each in parameters if each.device.type != "cpu"}
    found = f"parameters on {', '.join(sorted(elsewhere))}"
    checked.require(not elsewhere, MODEL, given=given, found=found)
    with checked.asked(MODEL, given):
        model.to(torch.device("cpu"))
    trained = any(each.requires_grad for each in parameters)
    found = f"{len(parameters)} parameters, none of which wants gradients"
    checked.require(trained, MODEL, given=given, found=found)
    ids = list(map(id, parameters))
    found = "other tensors, or another order, when asked again"
    holds = ids == list(map(id, again))
    checked.require(holds, ORDER, given=f"parameters() of {given}", found=found)
    twice = [
        tuple(each.shape) for number, each in enumerate(parameters) if id(each) in ids[:number]
    ]
    found = f"more than once: parameters of shapes {twice}"
    checked.require(not twice, ORDER, given=f"parameters() of {given}", found=found)
    checked_model: Model = model
    return checked_model


def ids_of(model: Model, texts: Sequence[str], side: Side) -> list[list[int]]:
    """The token ids of each text, as Python's numbers."""
    return [list(map(int, own)) for own in model.tokenize(texts, side).ids]


def shapes(model: Model) -> list[tuple[int, ...]]:
    """Of the parameters, in their order."""
    return [tuple(each.shape) for each in model.parameters()]


def _created(checked: Checked, seed: int, *, chance: int) -> Model:
    encoder: Any = checked.plugin
    texts, given = _Noted(training_texts()), _given(seed)
    with checked.asked(MODEL, given), global_random_state(chance):
        model = encoder.create(texts, seed=seed)
    unread = encoder.from_scratch or not texts.were_read
    found = "the texts were read, and from_scratch is False"
    checked.require(unread, UNREAD, given=given, found=found)
    return require_model(checked, model, given)


def _given(seed: int) -> str:
    return f"create(hbench.testing.created.training_texts(), seed={seed})"


def _difference(one: Model, other: Model) -> str:
    """What differs between two models, in words; "" if nothing does."""
    import torch

    if shapes(one) != shapes(other):
        return f"parameters of shapes {shapes(one)}, and of {shapes(other)}"
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    differing = [number for number, pair in enumerate(pairs) if not torch.equal(*pair)]
    if differing:
        return f"other weights in {len(differing)} of {len(pairs)} parameters"
    for side in SIDES:
        if ids_of(one, TEXTS, side) != ids_of(other, TEXTS[::-1], side)[::-1]:
            return f"other token ids of {side} texts, which came in another order"
        if one.tokenizer_key(side) != other.tokenizer_key(side):
            return f"another tokenizer_key({side!r})"
    return ""
