"""The one error a user is meant to read: it says what was wrong and what to do."""


class InputError(ValueError):
    """Something given to the library cannot be used; the message says what, and names the remedy."""
