"""What a process settles before it computes."""

from dataclasses import replace

import pytest
import torch

from hbench.errors import DeviceError
from hbench.provenance import find_hardware
from hbench.site import prepare_torch


def test_products_are_of_full_precision_whatever_a_library_had_set():
    before = torch.get_num_threads()
    try:
        for setting in ("medium", "high"):
            torch.set_float32_matmul_precision(setting)
            prepare_torch(find_hardware("cpu"))
            assert torch.get_float32_matmul_precision() == "highest"
            left, right = torch.rand(2, 300, 300, generator=torch.Generator().manual_seed(1))
            exact = left.double() @ right.double()
            assert ((left @ right).double() - exact).abs().max() < 1e-4  # bfloat16 errs by 0.1
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("count", "better"),
    [(0, "install torch for CUDA, or use --device cpu"),
     (4, "give cuda:0 to cuda:3, or use --device cpu")],
)  # fmt: skip
def test_a_device_that_is_not_there_is_refused_with_what_helps(count, better, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    asked = replace(find_hardware("cpu"), device="cuda:7")
    with pytest.raises(DeviceError, match=f"sees {count} CUDA devices; {better}$"):
        prepare_torch(asked)
