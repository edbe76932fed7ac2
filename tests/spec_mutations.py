"""Specs that are wrong, made of right ones.

What a mutation makes is certainly wrong, by the rules of YAML 1.2 and the tables below, which are
written by hand: the code that is tested is not asked. Only ``scribbled`` may be right by chance.
"""

import json
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import indent

import hypothesis.strategies as st
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RICH = (ROOT / "tests" / "rich_spec.yaml").read_text(encoding="utf-8")
COMMENT = re.compile(r"(?:^|\s+)#.*$", re.M)
KEYS = frozenset({
    "version", "benchmarks", "says", "default", "train", "data", "use", "weight", "cap",
    "minimum", "steps", "batch_size", "learning_rate", "warmup", "schedule", "weight_decay",
    "clip", "precision", "token_budget", "gradient_caching", "deterministic", "validation",
    "every", "patience", "leakage", "encoders", "samplers", "objectives", "transforms", "seeds",
    "evaluate",
    "settings", "name", "pool", "metrics", "top_k", "vectors", "index", "claims", "dataset",
    "metric", "setting", "method", "better_than", "not_worse_than", "equal_to", "margin", "by",
    "languages", "evaluated", "monolingual_batches", "description", "published", "query_language",
    "value", "source",
})  # fmt: skip
OPTIONS = frozenset({
    "split", "hidden", "layers", "alpha", "temperature", "k", "seed", "vocabulary",
})  # fmt: skip
# A value of another type, by the type of the right one, is wrong under every key.
WRONG = {
    bool: ["yes", "true", 1, 0.5, [], {}],
    int: ["3", "x", 1.5, True, [], {}, float("nan"), float("inf"), 2**64, -(2**64)],
    float: ["0.1", "x", True, [], {}, float("nan"), float("-inf")],
    str: [3, 1.5, True, [], ["x"]],
    list: ["x", 3, True, {}, [[]], [{}], [None]],
    dict: ["mono", 3, False, [], [1], {"x": {"x": 1}}],
}
POSITIVE = frozenset({
    "version", "steps", "batch_size", "token_budget", "every", "patience", "cap", "minimum",
    "top_k",
})  # fmt: skip
NEVER_NULL = frozenset({
    "version", "benchmarks", "says", "default", "data", "use", "weight", "steps", "batch_size",
    "learning_rate", "warmup", "schedule", "weight_decay", "clip", "gradient_caching",
    "deterministic", "every", "encoders", "samplers", "objectives", "transforms", "seeds",
    "evaluate", "metrics", "top_k",
    "vectors", "claims", "published", "name", "value", "source",
})  # fmt: skip
REQUIRED = frozenset({
    "version", "benchmarks", "train", "encoders", "samplers", "objectives", "evaluate", "use",
    "value", "source",
})  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """A file's content.

    Args:
        content: its bytes.
        place: line and column of the key that is wrong, where it is a key.
        is_wrong: whether it certainly is.
    """

    content: bytes
    place: tuple[int, int] | None = None
    is_wrong: bool = True


def _of_readme():
    """The example that the README shows, and its other sections in that example's place."""
    example, training, evaluation, _ = re.findall(r"```yaml\n(.*?)```", README, re.S)
    yield example
    trained = indent(training, "    ")
    yield re.sub(r"    train:.*?(?=    encoders:)", lambda _: trained, example, flags=re.S)
    tested = indent(evaluation, "    ")
    yield re.sub(r"    evaluate:.*?(?=    claims:)", lambda _: tested, example, flags=re.S)


SPECS = [
    re.sub(r"\n\s*\n", "\n", COMMENT.sub("", text)).strip("\n ") + "\n"
    for text in (RICH, (ROOT / "benchmarks.yaml").read_text(encoding="utf-8"), *_of_readme())
]
texts = st.sampled_from(SPECS)


def load(text):
    """The plain values of a spec, by another way than the tested one."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(StringIO(text))))


def keys_in(text, names=KEYS | OPTIONS):
    """Where keys stand in a text."""
    quoted = [match.span() for match in re.finditer(r'"[^"]*"', text)]
    found = re.finditer(rf"(?<![\w@.-])({'|'.join(names)})(?=:)", text)
    return [m for m in found if not any(start < m.start() < end for start, end in quoted)]


def place_of(text, index):
    """Line and column, from 1."""
    before = text[:index]
    return before.count("\n") + 1, index - before.rfind("\n")


@st.composite
def misspelt(draw):
    """A key with a letter too many, too few or exchanged."""
    text = draw(texts)
    key = draw(st.sampled_from(keys_in(text)))
    name = key[0]
    at = draw(st.integers(0, len(name) - 1))
    wrong = draw(st.sampled_from(
        [f"{name[:at]}x{name[at:]}", name[:at] + name[at + 1 :], name[:at] + "q" + name[at + 1 :]]
    ))  # fmt: skip
    if wrong in KEYS | OPTIONS | {""}:
        wrong = f"{name}x"
    place = None if name == "use" else place_of(text, key.start())
    return Spec((text[: key.start()] + wrong + text[key.end() :]).encode(), place)


@st.composite
def twice(draw):
    """A key that is given twice, with the same value."""
    text = draw(texts)
    block = [m for m in re.finditer(r"^( +)(\w+): .*\n", text, re.M) if m[2] in KEYS]
    flow = list(re.finditer(r"\{(use: [\w-]+)", text))
    found = draw(st.sampled_from(block + flow))
    again = found[0] if found in block else f", {found[1]}"
    return Spec((text[: found.end()] + again + text[found.end() :]).encode())


def places(value, path=()):
    """The paths of all keys of the spec in its values."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for step, child in parts:
        if step in KEYS:
            yield (*path, step)
        if isinstance(child, dict | list):
            yield from places(child, (*path, step))


DATA = load(RICH)
PLACES = list(places(DATA))


def changed(path, change):
    """The rich spec as JSON, which is YAML, with something done to the holder of a key."""
    data = load(RICH)
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    change(holder, path[-1])
    text = json.dumps(data, indent=1)
    for word, sign in (("NaN", ".nan"), ("-Infinity", "-.inf"), ("Infinity", ".inf")):
        text = re.sub(rf"(?<=[ \[]){word}\b", sign, text)
    return Spec(text.encode())


@st.composite
def retyped(draw):
    """A value of another type, out of bounds, or null."""
    path = draw(st.sampled_from(PLACES))
    old = DATA
    for step in path:
        old = old[step]
    wrong = list(WRONG[type(old)])
    if path[-1] in POSITIVE:
        wrong += [0, -1]
    if path[-1] in NEVER_NULL and not {"claims", "transforms"} & set(path):
        wrong.append(None)
    value = draw(st.sampled_from(wrong))
    return changed(path, lambda holder, key: holder.update({key: value}))


removed = st.sampled_from([path for path in PLACES if path[-1] in REQUIRED]).map(
    lambda path: changed(path, lambda holder, key: holder.pop(key))
)


def _nested(holder, key):
    holder[key] = {key: holder[key]}


def _listed(holder, key):
    holder[key] = [holder[key]]


# A list of one rival is right; a list around plugins of an objective too.
wrapped = st.tuples(st.sampled_from(PLACES), st.sampled_from([_nested, _listed])).filter(
    lambda drawn: not (drawn[1] is _listed and drawn[0][-1] in ("better_than", "equal_to"))
).map(lambda drawn: changed(*drawn))  # fmt: skip


@st.composite
def revalued(draw):
    """In place of a value, what YAML 1.2 or this project's reading of it does not allow."""
    key = draw(st.sampled_from(["steps: 300", "batch_size: 64", "default: true"]))
    wrong = draw(st.sampled_from([
        "!!python/object:os.system x", "!!python/object/apply:os.system [x]", "!!binary aGk=",
        "!own 3", "!!set {a}", "*nowhere", "&a [*a]", "2020-01-01", "12:30", "0o9", "yes", "no",
        "'3'", "[1, 2", "{a: 1", "{a: 1]", "'open", '"open', '"\\ud800"', '"\\q"', "a: b", "- a",
        "@a", "`a`", "%a", ">3", "|", "1 2", "&a", "!<", "!!str 3", "~", "? a",
    ]))  # fmt: skip
    return Spec(RICH.replace(key, f"{key.partition(':')[0]}: {wrong}").encode())


@st.composite
def disturbed(draw):
    """A text as a whole: documents, directives, merge keys, tabs, signs that are not allowed."""
    text = draw(texts)
    indented = draw(st.sampled_from(list(re.finditer(r"^ +(?=[a-z-])", text, re.M))))
    use = draw(st.sampled_from(list(re.finditer(r"\{(?=use:)", text))))
    at = draw(st.integers(0, len(text)))
    sign = draw(st.sampled_from("\0\x01\x07\x08\x0b\x1b\x1f\x7f\x9b\ufffe"))
    return Spec(draw(st.sampled_from([
        f"{text}---\n{text}", f"%YAML 9.9\n---\n{text}", f"%TAG ! x\n%TAG ! x\n---\n{text}",
        f"{text}? [a]\n: b\n", f"{text}<<: {{a: 1}}\n", f"{text}x: [1, 2\n", f'{text}x: "a\n',
        text[: use.end()] + "<<: {x: 1}, " + text[use.end() :],
        text[: indented.start()] + "\t" + text[indented.end() :],
        text[:at] + sign + text[at:], f"{text}]\n", f"{text}}}\n", f"- {text}", f"{text}- a\n",
        f"x{text}", f'{text}"a\\u001b[2J": 1\n', f"{text}x: &a [*a]\n", f"{text}語: é\n",
    ])).encode())  # fmt: skip


@st.composite
def encoded(draw):
    """Bytes that are not UTF-8, or not of this text."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    accented = (text[:at] + "é" + text[at:]).encode("latin-1")
    raw = text.encode()
    return Spec(draw(st.sampled_from([
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32-be"), accented,
        raw[:at] + b"\xff" + raw[at:], raw[:at] + b"\xed\xa0\x80" + raw[at:],
        raw + "é".encode()[:1],
    ])))  # fmt: skip


@st.composite
def scribbled(draw):
    """A text from which a piece was cut, or to which one was added; or nothing but scribble."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    length = draw(st.integers(0, 30))
    signs = st.text("a1:-{}[]*&!<>|%'\"#,? \n\r\t\\\x85\u2028\ufeffé", max_size=12)
    piece = draw(signs | st.text(max_size=12))
    mixed = text[:at] + piece + text[at + length :]
    whole = draw(st.sampled_from([mixed, mixed, text[:at], piece * 9]))
    content = draw(st.just(whole.encode("utf-8", "replace")) | st.binary(max_size=60))
    return Spec(content, is_wrong=False)


@st.composite
def nested(draw):
    """A value in so many brackets or levels of indentation that nobody means it."""
    text = draw(texts)
    depth = draw(st.integers(51, 2000))
    value = draw(st.sampled_from([
        "[" * depth + "]" * depth, "{a: " * depth + "}" * depth, "[" * depth, "- " * depth + "a",
        "".join(f"\n{' ' * level}a:" for level in range(1, min(depth, 400))),
    ]))  # fmt: skip
    return Spec(f"{text}x: {value}\n".encode())


def _with_line_ends(drawn):
    spec, end, mark = drawn
    content = spec.content.replace(b"\n", end)
    return Spec(mark + content, spec.place, spec.is_wrong)


# As other systems write files: what is wrong, and where, stays the same.
malformed = st.tuples(
    st.one_of(
        misspelt(), twice(), retyped(), removed, wrapped, revalued(), disturbed(), encoded(),
        nested(),
    ),
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
).map(_with_line_ends)  # fmt: skip
