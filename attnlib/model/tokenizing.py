"""Calling a tokenizer: what breaks in its compiled part is a sentence, too."""

from typing import Any

from attnlib.errors import InputError


def is_panic(error: BaseException) -> bool:
    """Whether this is what compiled Rust code raises where it cannot go on; it is no Exception."""
    return type(error).__name__ == "PanicException"


def encoded(tokenizer: Any, *texts: Any, **options: Any) -> Any:
    """What a Hugging Face tokenizer makes of texts. Raises InputError where its compiled part breaks.

    Args:
        tokenizer: A Hugging Face tokenizer.
        *texts (str or list of str): What it reads.
        **options: Passed on to the tokenizer.

    Returns:
        BatchEncoding: "input_ids" and so on.
    """
    try:
        return tokenizer(*texts, verbose=False, **options)
    except BaseException as error:
        if not is_panic(error):
            raise
        raise InputError(
            "The model's tokenizer breaks on this text: one of its own rules (a regular expression) does not come to "
            "an end. Shorten the text, or choose another model."
        ) from None
