"""The attention-head view: one layer, all its heads, lines between tokens."""
