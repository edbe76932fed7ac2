"""Several processes share the texts of a batch evenly; one alone has all of them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from hbench.provenance import Hardware
from hbench.training.processes import ALONE, Processes, join_processes

ROOT = Path(__file__).parents[2]


def shares(lengths, count):
    """The texts of each process."""
    tokens = np.array(lengths, np.int64)
    return [Processes(rank, count).share(tokens).tolist() for rank in range(count)]


def test_the_longest_texts_are_dealt_first_each_to_who_has_least():
    # 9 to the first, 7 to the second, 5 to the second (12), 4 to the first (13), 2 to the second.
    assert shares([5, 9, 2, 7, 4], 2) == [[1, 4], [0, 2, 3]]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.data())
def test_every_text_is_in_one_share_and_the_shares_are_balanced(lengths, data):
    count = data.draw(st.integers(1, len(lengths)))
    found = shares(lengths, count)
    assert sorted(text for share in found for text in share) == list(range(len(lengths)))
    assert all(share == sorted(share) for share in found)
    assert all(found)
    loads = [sum(lengths[text] for text in share) for share in found]
    assert max(loads) <= min(loads) + max(lengths)


@pytest.mark.parametrize("rank", [0, 2])
def test_fewer_texts_than_processes_cannot_be_shared(rank):
    with pytest.raises(ValueError, match="2 texts cannot be shared by 3 processes"):
        Processes(rank, 3).share(np.array([5, 6]))


def test_one_process_has_all_texts_and_keeps_what_it_computed():
    assert ALONE.is_first
    assert ALONE.share(np.array([3, 1, 2])).tolist() == [0, 1, 2]
    vectors = torch.ones(3, 2, requires_grad=True)
    assert ALONE.gather(vectors, np.arange(3), 3) is vectors
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    ALONE.add_up([parameter, torch.nn.Parameter(torch.ones(1))])
    assert parameter.grad.tolist() == [1, 2]


def test_one_process_agrees_with_itself():
    value = object()
    assert ALONE.agree(value) is value


def test_hardware_with_one_process_joins_nobody(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)  # not even imported
    assert join_processes(Hardware("cpu", 1)) is ALONE


def test_the_first_process_has_number_0():
    assert [Processes(rank, 3).is_first for rank in range(3)] == [True, False, False]


MEETING = """
import json, sys
import numpy as np, torch
from hbench.provenance import Hardware
from hbench.training.processes import join_processes

me = join_processes(Hardware("cpu", 1, processes=2))
agreed = me.agree({"seen by": me.rank})
own = [np.array([0, 2]), np.array([1])][me.rank]
vectors = torch.tensor(own + 1.0, dtype=torch.float32)[:, None].requires_grad_()
whole = me.gather(vectors, own, 3)
(whole * torch.tensor([[10.0], [20.0], [30.0]])).sum().backward()
weight, unused = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
weight.grad = torch.tensor([me.rank + 1.0])
me.add_up([unused, weight])
found = [me.rank, me.count, agreed, whole.flatten().tolist(), vectors.grad.flatten().tolist()]
print(json.dumps([*found, weight.grad.item(), unused.grad]))
torch.distributed.destroy_process_group()
"""


def test_processes_that_a_launcher_started_find_each_other_and_exchange_vectors():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = os.pathsep.join(map(str, (ROOT / "harness", ROOT / "plugins")))
    launched = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "2"}  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MEETING],
            env={**os.environ, **launched, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in ("0", "1")
    ]
    found = []
    for process in started:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
        found.append(json.loads(output.splitlines()[-1]))
    both = [{"seen by": 0}, [1.0, 2.0, 3.0]]
    assert found == [
        [0, 2, *both, [10.0, 30.0], 3.0, None],
        [1, 2, *both, [20.0], 3.0, None],
    ]
