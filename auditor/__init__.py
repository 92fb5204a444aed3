"""Run collectors, rules and reports: the only layer that owns files, history, clock and terminal."""

__version__ = "0.1.0"
