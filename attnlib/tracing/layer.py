"""One layer's attention of one text, and what it was computed from."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, repeat_key_heads


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """One layer of one text: its weights and, inside the attention interface, what they were computed from."""

    weights: Float[np.ndarray, "head query key"]  # float32, read-only
    call: AttentionCall | None = None  # batch of one, on the CPU
    edited: bool = False
    no_vectors: str = ""  # why its vectors do not explain its weights, if that is the reason that `call` is missing

    def _inside(self) -> AttentionCall:
        if self.no_vectors:
            raise InputError(f"Query and key vectors are not shown: {self.no_vectors}")
        if self.call is None:
            raise InputError(
                "Query and key vectors are not known here: the model's attention does not pass through "
                "transformers' attention interface, or the weights came from arrays. The weights are there."
            )
        return self.call

    @property
    def query(self) -> Float[np.ndarray, "head query head_dim"]:
        """Query vectors after RoPE, float32."""
        return as_array(self._inside().query[0])

    @property
    def key(self) -> Float[np.ndarray, "head key head_dim"]:
        """Key vectors after RoPE, float32, key heads repeated for the query heads that share them."""
        call = self._inside()
        return as_array(repeat_key_heads(call.key, call.query.shape[1])[0])

    @property
    def value(self) -> Float[np.ndarray, "head key value_dim"]:
        """Value vectors, float32, repeated likewise."""
        call = self._inside()
        return as_array(repeat_key_heads(call.value, call.query.shape[1])[0])

    @property
    def scaling(self) -> float:
        """What the model multiplies q·k by before the softmax."""
        return self._inside().scaling

    @property
    def bias(self) -> Float[np.ndarray, "#head #query #key"]:
        """What the model adds to the scaled score: mask and position bias; zeros where it adds nothing."""
        call = self._inside()
        parts = [part for part in (call.mask, call.position_bias) if part is not None]
        return as_array(sum(parts[1:], parts[0])[0]) if parts else np.zeros((1, 1, 1), np.float32)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """The tensor as a read-only float32 array; a view of it where it is float32 already."""
    return read_only(tensor.detach().to("cpu", torch.float32).numpy())


def read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
