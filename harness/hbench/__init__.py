"""hbench: which way of training a multilingual retriever is better, and is the difference real?

Plugins import what they need from ``hbench.records``, ``hbench.protocols``, ``hbench.errors``,
``hbench.drawing`` (batches), ``hbench.packing`` (texts by length) and ``hbench.store`` (``key_of``
and ``file_record``, for fingerprints); nothing is imported here.
"""
