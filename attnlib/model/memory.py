"""How much memory is free, and how the lack of it is told."""

import psutil

from attnlib.errors import InputError


class NoRoomError(InputError):
    """A model does not fit into the memory that is free now; with less else in it, it may."""


def available_memory() -> int:
    """Bytes of main memory free to use now."""
    return int(psutil.virtual_memory().available)


def check_weights_fit(name: str, size: int) -> None:
    """Refuse weights of `size` bytes that would not fit; a fifth more is needed to work with them."""
    needed, free = 1.2 * size, available_memory()
    if needed > free:
        raise NoRoomError(
            f"{name!r} needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB is free. "
            "Choose a smaller model, or close other programs."
        )


NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "alloc_cpu")  # torch on the CPU says so


def out_of_memory(error: BaseException) -> bool:
    """Whether this error means that Python, or torch on a GPU or the CPU, ran out of memory."""
    import torch  # late: a page asks for memory before torch is there

    said = isinstance(error, RuntimeError) and any(words in str(error).lower() for words in NO_MEMORY)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or said
