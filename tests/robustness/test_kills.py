"""A run that is killed at any instant goes on, and ends as if nothing had happened."""

from collections import Counter

import pytest
from tests.robustness.runs import chance, final_bytes, finish, killed, start, times, write_spec

import hbench

RUNS = 10
LIVES = (
    "moment", "write", "moment", "rank", "moment", "write", "score", "moment", "write", "compare",
)  # fmt: skip
KILLS = len(LIVES)
LONGEST = 10.0  # seconds of a life, of which 3 are for imports
SYNCS = 40  # in a life at most, of the some 150 that a whole run does


def at_work(spec, results):
    """What a killed run was at: the first job of those that are left."""
    left = hbench.load(spec).plan(results, device="cpu").todo
    return left[0].title.split()[0] if left else "tables"


def disturbed(spec, results, seed):
    """Kill a run ten times, at random moments or in the midst of writing; what it was at."""
    random = chance(seed)
    kills: Counter[str] = Counter()
    done_before: dict[str, int] = {}
    for life in LIVES:
        at_write = random.randint(1, SYNCS) if life == "write" else 0
        stage = "" if life in ("moment", "write") else f"{life} {random.uniform(0.0, 0.3)}"
        process = start(spec, results, die_at_sync=at_write, die_in=stage)
        at_random = random.uniform(1.0, LONGEST)
        was_killed = killed(process, at_random if life == "moment" else 180.0)
        now = times(results)
        again = {name for name, time in done_before.items() if now.get(name) != time}
        assert not again, f"done again: {again}"
        if was_killed:
            kills[at_work(spec, results)] += 1
            kills["in a write"] += life == "write"
        done_before = finished(results, now)
    return kills, done_before


def finished(results, now):
    """Of these files those of jobs that are complete."""
    complete = {path.parent.relative_to(results).as_posix()
                for path in results.glob("[dsl]*/**/manifest.json")}  # fmt: skip
    return {name: time for name, time in now.items() if name.rpartition("/")[0] in complete}


@pytest.mark.slow
def test_a_hundred_kills_change_no_byte_and_repeat_no_finished_job(spec, wanted, tmp_path, capsys):
    kills: Counter[str] = Counter()
    for seed in range(RUNS):
        results = tmp_path / str(seed)
        count, done_before = disturbed(spec, results, seed)
        kills += count
        finish(spec, results)
        now = times(results)
        assert {name for name, time in done_before.items() if now[name] != time} == set()
        assert final_bytes(results) == wanted
        log = results.with_suffix(".log").read_text()
        assert "FAILED" not in log
        assert list((results / "cache" / "unfinished").iterdir()) == []
    with capsys.disabled():
        total = kills.total() - kills["in a write"]
        print(f"\n{total} of {RUNS * KILLS} lives ended by SIGKILL, at {dict(kills)}")
    assert total >= 0.6 * RUNS * KILLS
    assert {"train", "encode", "rank", "score", "tables"} <= kills.keys()


@pytest.mark.slow
def test_a_run_that_is_killed_in_training_and_in_writing_ends_with_the_same_bytes(tmp_path):
    """The same in two minutes: a kill in the training and one at a write."""
    spec = write_spec(tmp_path, steps=40)
    finish(spec, tmp_path / "undisturbed")
    results = tmp_path / "disturbed"
    assert killed(start(spec, results, die_at_sync=40), 60.0)
    assert killed(start(spec, results, die_at_sync=25), 60.0)
    finish(spec, results)
    assert final_bytes(results) == final_bytes(tmp_path / "undisturbed")
