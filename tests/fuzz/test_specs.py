"""Whatever a spec holds, it is read as YAML says, or refused with the places of its mistakes."""

import json
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given
from tests.fuzz.guard import judge, sized, survive
from tests.fuzz.mutations import Content, arbitrary, mutated
from tests.spec_mutations import SPECS, malformed, scribbled

from hbench.specfile import SpecFile
from hbench.validate import load_spec

SEEDS = [text.encode() for text in SPECS]
contents = st.one_of(
    mutated(SEEDS), mutated(SEEDS), arbitrary,
    (malformed | scribbled()).map(lambda spec: Content(spec.content)),
)  # fmt: skip


@given(contents)
def specs(content):
    path = Path("f.yaml")
    path.write_bytes(content.data)
    spec = judge(lambda: load_spec(path), "f.yaml:")
    if spec is None:
        return
    text = json.dumps(SpecFile.read(path).data)  # which is YAML, but for what it calls NaN
    if "NaN" not in text and "Infinity" not in text:
        path.write_text(text)
        assert load_spec(path) == spec


@sized
def test_a_spec_is_read_or_refused_with_the_places_of_its_mistakes(examples):
    survive(specs, examples)
