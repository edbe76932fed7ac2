"""Metrics that ship with hbench."""
