"""Encoders that ship with hbench."""
