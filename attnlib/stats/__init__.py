"""Intervals, tests and power for many heads at once; knows no model and no text."""
