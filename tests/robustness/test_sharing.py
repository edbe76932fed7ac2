"""Several runs on one results folder share the work, and survive each other's death."""

import re
from collections import Counter

import pytest
from tests.robustness.runs import (
    SECONDS,
    chance,
    final_bytes,
    free_of,
    killed,
    start,
)

from hbench.soundness import examine
from hbench.store import Store

ROUNDS, PROCESSES = 20, 4
OWN = re.compile(r"^\[\d+/\d+\] (?P<job>.*): [\d.]+ s( \(.*\))?$", re.M)  # not "done by another"


def logs(results, number):
    """One log for each process: their lines must not mix."""
    return results.with_name(f"{results.name}-{number}")


def started(spec, results):
    """Runs that share a results folder."""
    found = []
    for number in range(PROCESSES):
        link = logs(results, number)
        link.symlink_to(results, target_is_directory=True)
        found.append(start(spec, link))
    return found


@pytest.mark.slow
def test_four_runs_do_each_job_once_and_outlive_one_that_is_killed(spec, wanted, tmp_path, capsys):
    kills = 0
    jobs: Counter[int] = Counter()
    for seed in range(ROUNDS):
        results = tmp_path / f"r{seed}"
        results.mkdir()
        processes = started(spec, results)
        kills += killed(processes[seed % PROCESSES], chance(seed).uniform(3.0, 25.0))
        told = []
        for number, process in enumerate(processes):
            code = process.wait(SECONDS)
            log = logs(results, number).with_suffix(".log").read_text()
            assert code == 0 or number == seed % PROCESSES, log
            assert "FAILED" not in log
            told += [match["job"] for match in OWN.finditer(log)]
        assert final_bytes(results) == wanted
        found = examine(Store(results))
        assert (found.damaged, found.failures, found.set_aside) == ([], [], [])
        times = Counter(told)
        assert set(times.values()) == {1}, times
        jobs[len(times)] += 1
        free_of(results)
    with capsys.disabled():
        print(f"\n{kills} of {ROUNDS} kills met a running process; jobs told a round: {jobs}")
    assert kills >= ROUNDS / 2
