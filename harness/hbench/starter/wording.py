"""The text of a starter file: YAML with comments that say what each choice means."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from inspect import getdoc
from pathlib import Path
from textwrap import wrap
from typing import Any

from hbench.errors import printable
from hbench.registry import Built
from hbench.starter import shipped
from hbench.starter.choices import MEANINGS, Choices
from hbench.starter.layouts import Layout

WIDTH = 100
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|\d+-\d+")
WORDS_OF_YAML = {"true", "false", "null"}

TEXT = """\
# yaml-language-server: $schema=hbench.schema.json
# `hbench schema > hbench.schema.json` makes that file; editors then complete and check this one.
#
# Next, from the folder in which the data's paths begin:
{commands}
#
{facts}

version: 1
benchmarks:
  {key}:
    says: {says}
    train:
{data_comment}
      data:
        mine: {train}
      # Texts of 'evaluate' that are trained on are counted, and the tables say so. error: do not
      # train then; drop: leave out the items that they are texts of.
      leakage: warn
{steps_comment}
      steps: {steps}
      batch_size: {batch}
      learning_rate: {rate}
{encoder_comment}
    encoders: {{{encoder_name}: {encoder}}}
{sampler_comment}
    samplers:
{samplers}
    objectives: {{{objective_name}: {objective}}}
{seeds_comment}
    seeds: {seeds}
    evaluate:
      mine:
        data: {test}
{settings_comment}
        settings: {settings}
        # The first is the headline. `hbench plugins metric` lists others.
        metrics: {metrics}
{claims}
"""


def starter(
    file: Path,
    layouts: tuple[Layout, Layout],
    choices: Choices,
    encoder: Built,
    samplers: Mapping[str, Built | None],
    seeds: int,
    facts: Sequence[str],
) -> str:
    """The file's text.

    Args:
        file: what it will be called.
        layouts: of what is trained on, and of what is evaluated on.
        choices: that depend on the data.
        encoder: that is trained.
        samplers: to be compared; None is the encoder before training.
        seeds: how many trainings of each.
        facts: sentences on the data and on what was taken for granted.
    """
    train, test = ({"use": each.use, **each.options} for each in layouts)
    name, trained = file.stem, [each for each, built in samplers.items() if built]
    return TEXT.format(
        commands=_commands(file),
        facts="\n".join(line for fact in facts for line in _comment(fact, 0)),
        key=value(name),
        says=value(f"which sampler is better: {', '.join(trained)}?"),
        data_comment=_block(DATA_COMMENT, 6),
        train=value(train),
        steps_comment=_block(_on_steps(choices, encoder), 6),
        steps=choices.steps,
        batch=choices.batch_size,
        rate=f"{choices.learning_rate:.1e}".replace("e-0", "e-"),
        encoder_comment=_block(_on_encoder(encoder), 4),
        encoder_name=value(encoder.entry.name),
        encoder=value({"use": encoder.entry.name, **_chosen(encoder)}),
        sampler_comment=_block(SAMPLER_COMMENT, 4),
        samplers="\n".join(_sampler(each, built) for each, built in samplers.items()),
        objective_name=value(shipped.OBJECTIVE["use"]),
        objective=value(shipped.OBJECTIVE),
        seeds_comment=_block(SEEDS_COMMENT, 4),
        seeds=value(list(range(1, seeds + 1))),
        test=value(test),
        settings_comment=_block(_on_settings(choices), 8),
        settings=value(list(choices.settings)),
        metrics=value(list(choices.metrics)),
        claims="\n".join(_claims(choices, trained)),
    )


def value(content: Any) -> str:  # noqa: ANN401 - any value of a spec
    """A value as YAML on one line.

    >>> value({"use": "parallel", "files": "data/{lang}.tsv", "items": "0-39"})
    '{use: parallel, files: "data/{lang}.tsv", items: 0-39}'
    """
    if isinstance(content, Mapping):
        return f"{{{', '.join(f'{value(k)}: {value(v)}' for k, v in content.items())}}}"
    if isinstance(content, list | tuple):
        return f"[{', '.join(map(value, content))}]"
    if isinstance(content, str):
        if PLAIN.fullmatch(content) and content.lower() not in WORDS_OF_YAML:
            return content
        return json.dumps(content, ensure_ascii=not content.isprintable())
    return json.dumps(content)


DATA_COMMENT = (
    "`hbench plugins dataset` lists the options and all other kinds of data; several sources may "
    "stand here, each with a weight."
)
SAMPLER_COMMENT = (
    "What is compared: every sampler with every encoder. `hbench plugins sampler` lists all, with "
    "their options."
)
BEFORE = "before"  # what the encoder that is not trained is called
ON_BEFORE = "The encoder before training: what have the others gained?"
SEEDS_COMMENT = (
    "Each method is trained with each seed. A study needs 3 at least, 5 are better: with one, two "
    "models are compared, and not two methods."
)


def _on_steps(choices: Choices, encoder: Built) -> str:
    return (
        f"The passages of a batch are each other's negatives. {choices.batch_size} rows "
        "suit this data: a sampler refuses a batch that is larger than the items that may meet. "
        f"{choices.steps} steps are for a first try on two cores; raise them until the tables no "
        "longer change."
        + ("" if encoder.plugin.from_scratch else " A pretrained encoder needs a GPU.")
    )


def _on_encoder(encoder: Built) -> str:
    small = (
        "Small, with random weights, for a first try: it shows that all is well, not what a "
        "pretrained encoder would do. "
        if encoder.plugin.from_scratch
        else ""
    )
    return f"{small}Others: {shipped.OTHER_ENCODERS}; or several, by names of your own."


def _on_settings(choices: Choices) -> str:
    shown = [f"{name}: {MEANINGS[name]}." for name in choices.settings]
    left = [f"Not {name}: {why}." for name, why in choices.lacking.items()]
    return " ".join([*shown, *left])


def _chosen(built: Built) -> Mapping[str, Any]:
    options = {**shipped.ENCODER_OPTIONS, **shipped.SAMPLER_OPTIONS}
    return options.get(built.entry.name, {})


def _sampler(name: str, built: Built | None) -> str:
    use: dict[str, Any] = {"use": name} | (dict(_chosen(built)) if built else {})
    line = f"      {value(name if built else BEFORE)}: {value(use)}"
    about = (getdoc(built.entry_factory) or "").partition("\n")[0] if built else ON_BEFORE
    return f"{line:<42}# {_safe(about)}" if about else line


def _claims(choices: Choices, names: Sequence[str]) -> list[str]:
    """A claim to be made, as a comment that becomes valid without its signs."""
    lines = _comment(
        "What you expect, written down before you look; `hbench verify` then judges it.", 4
    )
    if len(names) < 2:
        return lines
    claim = {
        "says": f"{names[-1]} is better than {names[0]}",
        "metric": choices.metrics[0],
        "setting": choices.settings[-1],
        "method": {"sampler": names[-1]},
        "better_than": {"sampler": names[0]},
    }
    return [*lines, "    # claims:", f"    #   - {value(claim)}"]


def _block(text: str, indent: int) -> str:
    return "\n".join(_comment(text, indent))


def _comment(text: str, indent: int) -> list[str]:
    """A comment of several lines; nothing in the text can end it early."""
    start = " " * indent + "# "
    return [start + line for line in wrap(_safe(text), WIDTH - len(start), break_long_words=False)]


def _safe(text: str) -> str:
    return printable(" ".join(text.split()))


def _commands(file: Path) -> str:
    """What to do next, as comments."""
    path, name = (_safe(shlex.quote(word)) for word in (str(file), file.stem))
    lines = {
        f"hbench plan {path}": "what would be done",
        f"hbench run {path}": "train, evaluate, print the tables; interrupted, it goes on",
        f"hbench report {name}": "one HTML page",
    }
    width = max(map(len, lines))
    return "\n".join(f"#   {line:<{width}}  # {what}" for line, what in lines.items())
