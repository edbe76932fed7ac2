"""What a run says of the spec that an earlier run of its benchmark had."""

from hbench.resolved import replaced


def detail(**spec):
    return {"benchmark": "toy", "spec": spec}


def test_the_same_spec_replaces_nothing():
    assert replaced(detail(train={"steps": 80}), detail(train={"steps": 80})) is None


def test_another_spec_is_told_with_what_differs_and_what_becomes_of_the_tables():
    before = detail(train={"steps": 80, "batch_size": 4}, seeds=[1, 2])
    now = detail(train={"steps": 20, "batch_size": 4, "clip": 0.5}, seeds=[1])
    assert replaced(before, now) == (
        "toy: its last run had another spec (train.steps: 80 before, 20 now; train.clip: none "
        "before, 0.5 now; seeds: [1, 2] before, [1] now). Its tables are replaced; its systems are "
        "kept, and shown again by a run of that spec"
    )


def test_many_changes_are_counted():
    before = detail(**dict.fromkeys("abcdef", 1))
    now = detail(**dict.fromkeys("abcdef", 2))
    assert "c: 1 before, 2 now and 3 more). Its tables" in str(replaced(before, now))
