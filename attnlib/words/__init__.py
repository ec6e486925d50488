"""What a model says: how likely words and sentences are to it, and how a prompt changes that."""
