"""What a process settles before it computes."""

import torch

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
