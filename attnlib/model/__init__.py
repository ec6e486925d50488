"""Find, load and run a model: its tokens, its memory, and the one attention function that sees and edits layers."""
