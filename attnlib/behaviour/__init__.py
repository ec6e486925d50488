"""Heads over many texts: recurring patterns, names of heads, what single dimensions contribute."""
