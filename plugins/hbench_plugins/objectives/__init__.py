"""Objectives that ship with hbench."""
