"""Views: a trace becomes one binary payload, drawn by JavaScript on a canvas."""
