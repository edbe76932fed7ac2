"""Datasets that ship with hbench."""
