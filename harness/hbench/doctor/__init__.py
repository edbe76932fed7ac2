"""What is installed and what this machine is, and what of it will bite.

``examine`` looks, ``findings`` judges: the latter is a function of facts alone, which a test can
make up.
"""

from hbench.doctor.facts import Cores, Folder, Gpu, Machine, Memory, Torch
from hbench.doctor.judging import Finding, findings
from hbench.doctor.looking import examine

__all__ = [
    "Cores", "Finding", "Folder", "Gpu", "Machine", "Memory", "Torch", "examine", "findings",
]  # fmt: skip
