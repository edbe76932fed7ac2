"""From the user's answers to the text of a spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hbench.corpus import told_repeated
from hbench.errors import OptionError
from hbench.protocols import Dataset
from hbench.registry import Built, build
from hbench.starter import shipped
from hbench.starter.answers import Answers
from hbench.starter.choices import choose, usual_choices
from hbench.starter.layouts import Layout, files_of, recognise
from hbench.starter.look import Found, check_languages, look
from hbench.starter.peeking import size_of
from hbench.starter.splits import check_apart, check_parts, divided
from hbench.starter.wording import starter
from hbench.uses import UNTRAINED

SEEDS = 3
LARGE = 10_000_000  # bytes, which take seconds to read


@dataclass(frozen=True)
class Starter:
    """A spec's text, and what must be said besides.

    Args:
        text: of the file.
        facts: sentences on the data; the first says what is there.
        warnings: what the user will want to mend.
    """

    text: str
    facts: Sequence[str]
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Data:
    """The user's data, read.

    Args:
        layouts: of what is trained on, and of what is evaluated on.
        train: what is there to train on.
        test: what is there to evaluate on.
        facts: sentences on it; the first says what is there.
        warnings: what the user will want to mend.
    """

    layouts: tuple[Layout, Layout]
    train: Found
    test: Found
    facts: Sequence[str]
    warnings: Sequence[str]


def make_starter(file: Path, answers: Answers) -> Starter:
    """Look at the data that the answers point to, and write a spec for it.

    Args:
        file: what the spec will be called.
        answers: the user's.

    Raises:
        DataError: there is no such data, it is damaged, in one language, or too little.
        OptionError: an answer is wrong.
        PluginError: a plugin that is asked for is not there.
    """
    question = "Where is your data, as data/{lang}.tsv or de=a.tsv,en=b.tsv (nothing: made-up data)"
    pattern = answers.get("data", question, "")
    data = _read(pattern, answers) if pattern else None
    encoder = _encoder(answers)
    samplers = _samplers(answers, is_parallel=data is None or data.train.is_parallel)
    seeds = _seeds(answers.get("seeds", "How many seeds: trainings of each method", str(SEEDS)))
    if data is None:
        layouts, facts, warnings = _made_up(), list(shipped.MADE_UP), []
        choices = usual_choices(encoder)
    else:
        layouts, facts = data.layouts, list(data.facts)
        choices = choose(data.train, data.test, encoder, samplers, seeds)
        warnings = [*data.warnings, *choices.warnings]
    if answers.assumed:
        options = " ".join(f"--{name} {value}" for name, value in answers.assumed.items())
        facts.append(f"Taken for granted, since it was not said: {options}")
    if seeds < SEEDS:
        warnings.append(f"fewer than {SEEDS} seeds compare models, not methods; 5 are better")
    text = starter(file, layouts, choices, encoder, samplers, seeds, facts)
    return Starter(text, facts, warnings)


def _read(pattern: str, answers: Answers) -> _Data:
    layout = recognise("--data", pattern, answers)
    size = sum(map(size_of, files_of(pattern)))
    if size > LARGE:
        answers.tell(f"reading {size / 1e6:,.0f} MB ...")
    whole = look(_dataset(layout))
    check_languages(whole, pattern)
    has_answers = layout.use == shipped.ALIGNED and "passage" in layout.options
    if has_answers and any(whole.repeated.values()):
        layout = layout.merging()
        whole = look(_dataset(layout))
    question = "Where are the data to evaluate on (nothing: a part of the same)"
    other = answers.get("test", question, "")
    if other:
        apart = recognise("--test", other, answers)
        is_merged = "merge_passages" in layout.options and apart.use == layout.use
        layouts = (layout, apart.merging() if is_merged else apart)
        check_apart(*layouts, other)
        how = f"Trained on all of {pattern}, evaluated on {other}."
    else:
        layouts, how = divided(layout, whole, pattern)
    train, test = (whole if each == layout else look(_dataset(each)) for each in layouts)
    if not other:
        check_parts(whole, train, test, pattern)
    check_languages(test, other or pattern)
    warnings = [*_shared(train, test), *_repeated(test)]
    return _Data(layouts, train, test, [whole.described(), *layout.notes, how], warnings)


def _shared(train: Found, test: Found) -> list[str]:
    """What of the test data stands in the training data, word for word."""
    count = len(test.texts & train.texts)
    line = f"{count:,} of the {len(test.texts):,} texts to evaluate on are trained on too"
    return [f"{line}, word for word; see 'leakage' in the file"] if count else []


def _repeated(test: Found) -> list[str]:
    """Which passages to evaluate on are equal to another one."""
    told = told_repeated({tag: (test.repeated[tag], test.pools[tag]) for tag in test.languages})
    return [f"of what is evaluated on, {told}"] if told else []


def _dataset(layout: Layout) -> Dataset:
    plugin: Dataset = build("dataset", layout.use, layout.options).plugin
    return plugin


def _encoder(answers: Answers) -> Built:
    name = answers.get("encoder", "Which encoder do you train", shipped.ENCODER)
    return build("encoder", name, shipped.ENCODER_OPTIONS.get(name, {}))


def _samplers(answers: Answers, *, is_parallel: bool) -> Mapping[str, Built | None]:
    """The samplers by name; None is the encoder as it is before training."""
    trained = shipped.SAMPLERS if is_parallel else shipped.MONOLINGUAL_SAMPLERS
    usual = ",".join([*trained, UNTRAINED])
    wanted = answers.get("samplers", "Which samplers do you compare, divided by commas", usual)
    names = list(dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip()))
    if not set(names) - {UNTRAINED}:
        raise OptionError(f"--samplers {wanted!r}: name at least one, as --samplers {usual}")
    if any(len(name.split()) > 1 for name in names):
        parted = ",".join(wanted.replace(",", " ").split())
        raise OptionError(f"--samplers {wanted!r}: divide them by commas, as --samplers {parted}")
    found: dict[str, Built | None] = {}
    for name in names:
        options = shipped.SAMPLER_OPTIONS.get(name, {})
        found[name] = None if name == UNTRAINED else build("sampler", name, options)
    crossing = [name for name, built in found.items() if built and built.plugin.needs_parallel]
    if crossing and not is_parallel:
        raise OptionError(
            f"--samplers: {' and '.join(crossing)} pair a query with a passage of another "
            f"language, and no item of this data is in two languages; give --samplers "
            f"{','.join(shipped.MONOLINGUAL_SAMPLERS)}"
        )
    return found


def _seeds(text: str) -> int:
    if not text.strip(" ").isdecimal() or not 1 <= int(text) <= 100:
        raise OptionError(f"--seeds {text!r}: give how many, from 1 to 100; 3 or 5 are usual")
    return int(text)


def _made_up() -> tuple[Layout, Layout]:
    """The synthetic data's two parts."""
    return (
        Layout(shipped.SYNTHETIC, {"split": "train"}),
        Layout(shipped.SYNTHETIC, {"split": "test"}),
    )
