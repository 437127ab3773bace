"""Sweeps: many parameters over the same data, and what is left of the best after selection."""

from flyball.ops.sweep.sweep import Found, Sweep, cores

__all__ = ["Found", "Sweep", "cores"]
