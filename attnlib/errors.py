"""The one error a user is meant to read: it says what was wrong and what to do."""


class InputError(ValueError):
    """Something given to the library cannot be used. The message says what is wrong and what to do about it.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> try:
        ...     attnlib.trace(model, "")
        ... except attnlib.InputError as error:
        ...     print(error)
        The text is empty. Type a sentence.
    """
