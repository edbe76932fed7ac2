"""Executors that ship with hbench."""
