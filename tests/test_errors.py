import inspect

import pytest

from hbench import errors
from hbench.errors import HBenchError, Mistake, SpecError, did_you_mean, printable, shown


def test_every_error_is_one_that_the_user_can_mend_and_stands_in_the_drawing():
    found = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    kinds = [kind for kind in found if issubclass(kind, Exception)]
    assert len(kinds) == 10
    for kind in kinds:
        assert issubclass(kind, HBenchError)
        assert f"{kind.__name__} " in errors.__doc__


def test_a_spec_error_holds_every_mistake_in_the_order_of_the_file():
    late, early, first = Mistake("f", 10, 1, "c"), Mistake("f", 2, 7, "b"), Mistake("f", 2, 3, "a")
    error = SpecError([late, early, first])
    assert error.mistakes == [first, early, late]
    assert str(error) == "f:2:3: a\nf:2:7: b\nf:10:1: c"


def test_a_mistake_cannot_send_control_characters_to_the_terminal():
    assert str(Mistake("f", 1, 1, "key \x1b[2Jü 語")) == "f:1:1: key ?[2Jü 語"


@pytest.mark.parametrize(
    ("name", "allowed", "hint"),
    [
        ("hybird", ["mono", "hybrid"], "did you mean 'hybrid'? Allowed: hybrid, mono"),
        ("xyz", ["mono", "hybrid"], "Allowed: hybrid, mono"),
        ("mno", ["mono", "mono"], "did you mean 'mono'? Allowed: mono"),
        ("x", [], "nothing is allowed here"),
    ],
)
def test_did_you_mean_names_the_nearest_first_and_each_once(name, allowed, hint):
    assert did_you_mean(name, allowed) == hint


def test_what_is_shown_of_a_value_is_short_and_on_one_line():
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 58) == repr("x" * 58)
    assert shown("x" * 59) == "'" + "x" * 56 + "..."


def test_printable_text_keeps_lines_and_letters_of_all_scripts():
    assert printable("a\nä\t語\x00\x7f\u202e") == "a\nä?語???"
