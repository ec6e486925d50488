"""The matrix view: one head's attention, token x token."""
