"""Transforms that ship with hbench."""
