"""Samplers that ship with hbench."""
