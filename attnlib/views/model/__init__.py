"""The model view: every layer and head of a text as a small drawing."""
