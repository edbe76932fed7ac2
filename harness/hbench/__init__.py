"""hbench: which way of training a multilingual retriever is better, and is the difference real?

Plugins import what they need from ``hbench.records``, ``hbench.protocols``, ``hbench.errors``,
``hbench.drawing`` and ``hbench.packing``; nothing is imported here.
"""
