"""The same weights each time: run, run again, and run with kills in between."""

import pytest
from tests.robustness.runs import chance, final_bytes, finish, killed, start, write_spec

SEEDS, STEPS = 10, 1000


@pytest.mark.slow
def test_ten_seeds_of_a_thousand_steps_give_the_same_weights_each_time(tmp_path, capsys):
    spec = write_spec(tmp_path, steps=STEPS, seeds=str([*range(1, SEEDS + 1)]))
    spec.write_text(spec.read_text().replace("mono: {use: mono}, ", ""))
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    finish(spec, first)
    finish(spec, second)
    random, kills = chance(1), 0
    for _ in range(SEEDS):
        kills += killed(start(spec, third), random.uniform(6.0, 25.0))
    finish(spec, third)
    wanted = final_bytes(first)
    weights = [name for name in wanted if name.endswith("model.safetensors")]
    assert len(weights) == SEEDS
    assert len({wanted[name] for name in weights}) == SEEDS
    assert final_bytes(second) == wanted
    assert final_bytes(third) == wanted
    with capsys.disabled():
        print(f"\n{SEEDS} seeds x {STEPS} steps; the third run was killed {kills} times")
    assert kills >= SEEDS / 2
