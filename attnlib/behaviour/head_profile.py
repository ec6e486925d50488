"""One head over many texts, dimension by dimension: its products q_d · k_d by distance, and by the key's word class.

The score of a place is scaling · Σ_d q_d k_d (and a bias that no dimension adds to), so whatever is averaged here
adds up over the dimensions to the same number of the head. Attention sinks are excluded as query and key: they would
show a place in the text as a distance.
Vig 2019 (1904.02679), third use case: the product as a function of the distance i − j.
"""

from collections.abc import Iterable, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnlib.comparison.focus import sinks_of
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, repeat_key_heads
from attnlib.model.batches import NotRead, TextBatch, keeps_logits, read_batches, stacked_inputs
from attnlib.model.loading import Model
from attnlib.model.tokens import Tokens
from attnlib.progress import OnProgress, goes_on
from attnlib.prompts.texts import builtin_texts, class_names, class_of
from attnlib.stats.moments import Moments

FURTHEST = 64  # tokens between a query and a key; what is further is not looked at
FEWEST = 3  # texts that a mean is of


@dataclass(frozen=True, eq=False)
class HeadProfile:
    """What the dimensions of one head do, over texts; made by `head_profile`.

    All products are scaled, as in the score: scaling · q_d · k_d. Attention sinks are left out, as query and as key.

    Attributes:
        model (str): The model's name.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        distances (array [distance]): Query position − key position, in tokens; above 0, the key comes earlier.
        products (array [distance, head_dim]): The mean product at each distance.
        weights (array [distance]): The mean attention weight there.
        places (array [distance]): How many pairs of tokens it is the mean of.
        slopes (array [head_dim]): Change of the product per token further away, mean over texts.
        slopes_reach (array [head_dim]): Half the width of its 95 % interval.
        slope (float): Of the whole head: the sum of `slopes`.
        slope_reach (float): Half the width of its 95 % interval.
        classes (tuple of str): Word classes that occur often enough.
        reactions (array [word_class, head_dim]): The product with keys of the class, less that with other keys at the
            same distance.
        reactions_reach (array [word_class, head_dim]): Half the width of its 95 % interval.
        texts (int): How many texts gave a slope.
        read (int): How many texts were read.
        not_read (tuple of NotRead): The first of those that could not be read, with reasons.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> texts = ["The doctor asked the nurse a question.", "She said that she was tired.", "The cat saw the dog."]
        >>> profile = attnlib.head_profile(model, 0, 3, texts)
        >>> profile.table().columns[:5].tolist()
        ['dimension', 'slope', 'slope_low', 'slope_high', 'share']
    """

    model: str
    layer: int
    head: int
    distances: Int[np.ndarray, " distance"]
    products: Float[np.ndarray, "distance head_dim"]
    weights: Float[np.ndarray, " distance"]
    places: Int[np.ndarray, " distance"]
    slopes: Float[np.ndarray, " head_dim"]
    slopes_reach: Float[np.ndarray, " head_dim"]
    slope: float
    slope_reach: float
    classes: tuple[str, ...]
    reactions: Float[np.ndarray, "word_class head_dim"]
    reactions_reach: Float[np.ndarray, "word_class head_dim"]
    texts: int
    read: int
    not_read: tuple[NotRead, ...] = field(default=())

    @property
    def shares(self) -> Float[np.ndarray, " head_dim"]:
        """Each dimension's share of the head's slope [head_dim]. They sum to 1; a negative one works against it."""
        return self.slopes / self.slope

    def near(self) -> list[int]:
        """All dimensions, the one that favours near tokens most first.

        Returns:
            list of int.
        """
        return np.argsort(self.slopes, kind="stable").tolist()

    def strongest(self, count: int) -> list[int]:
        """The dimensions that contribute most to the head's slope, in its direction.

        Args:
            count (int): How many.

        Returns:
            list of int: The strongest first.
        """
        return np.argsort(self.slopes * (1 if self.slope < 0 else -1), kind="stable")[:count].tolist()

    def reaction(self, name: str) -> Float[np.ndarray, " head_dim"]:
        """How each dimension reacts to a word class.

        Args:
            name (str): One of `classes`.

        Returns:
            array [head_dim].

        Raises:
            InputError: If the class does not occur often enough.
        """
        if name not in self.classes:
            raise InputError(f"Too few texts contain a {name}. Available: {', '.join(self.classes) or 'none'}.")
        return self.reactions[self.classes.index(name)]

    def table(self) -> pd.DataFrame:
        """All dimensions in a table.

        Returns:
            DataFrame: One row per dimension: its slope with interval and share, and its reaction to every class.
        """
        found = {
            "dimension": np.arange(len(self.slopes)),
            "slope": self.slopes,
            "slope_low": self.slopes - self.slopes_reach,
            "slope_high": self.slopes + self.slopes_reach,
            "share": self.shares,
        }
        return pd.DataFrame(found | {f"reaction: {name}": self.reaction(name) for name in self.classes})

    def curve(self) -> pd.DataFrame:
        """All distances in a table.

        Returns:
            DataFrame: One row per distance: places, mean attention, mean score without bias, mean product of each
            dimension.
        """
        about = {
            "distance": self.distances,
            "places": self.places,
            "attention": self.weights,
            "score": self.products.sum(1),
        }
        return pd.DataFrame(about | {f"dimension {d}": column for d, column in enumerate(self.products.T)})


def head_profile(
    model: Model,
    layer: int,
    head: int,
    texts: Iterable[str] | None = None,
    *,
    progress: OnProgress | None = None,
) -> HeadProfile:
    """What each dimension of one head does over many texts: by distance, and by the class of the word looked at.

    For an encoder-decoder model, the encoder. Memory does not grow with the texts.

    Args:
        model (Model): From `load_model`; its query and key vectors must be known.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        texts (iterable of str, optional): Default: the built-in sentences.
        progress (callable, optional): Called with a `Progress` after each batch of texts; False stops the rest.

    Returns:
        HeadProfile: Products by distance, slopes, and reactions to word classes.

    Raises:
        InputError: If there is no such head, its vectors are not known, or fewer than three texts are long enough.

    Source:
        Vig 2019 (arXiv 1904.02679), third use case: q_d · k_d as a function of the distance.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> texts = ["The doctor asked the nurse a question.", "She said that she was tired.", "The cat saw the dog."]
        >>> profile = attnlib.head_profile(model, 0, 3, texts)
        >>> profile.products.shape[1], profile.texts  # head_dim
        (32, 3)
    """
    check_head(model, layer, head)
    texts = builtin_texts() if texts is None else texts
    total = len(texts) if isinstance(texts, Sized) else None
    sums, read, missed = _Sums(), 0, list[NotRead]()
    for found in read_batches(model, texts):
        if isinstance(found, NotRead):
            missed.append(found)
        else:
            read += len(found.reads)
            sums.add(_measured(model, found, layer, head))
        if not goes_on(progress, read + len(missed), total, model.name):
            break
    if sums.texts < FEWEST:
        raise InputError("A profile needs at least three texts of four words or more. Give longer or more texts.")
    return sums.profile(model.name, layer, head, read, tuple(missed[:5]))


def check_head(model: Model, layer: int, head: int) -> None:
    """Check that the model has this head and that its vectors are known. Raises InputError if not."""
    model.check_vectors()
    heads = model.heads[model.stacks[0]]
    if not (0 <= layer < len(heads) and 0 <= head < heads[layer]):
        raise InputError(f"There is no head {layer}-{head} in {model.name}.")


# ---------------------------------------------------------------------------------------------- measuring


@dataclass(frozen=True, eq=False)
class _Measured:
    """Sums over the places of each text of a batch. A place is a query and a key that it can see."""

    distances: Int[np.ndarray, " distance"]
    products: Float[np.ndarray, "text distance head_dim"]
    weights: Float[np.ndarray, "text distance"]
    places: Float[np.ndarray, "text distance"]
    reacted: Float[np.ndarray, "text word_class head_dim"]  # of keys of a class, less others' mean at that distance
    keys: Float[np.ndarray, "text word_class"]  # how many places these were


def _measured(model: Model, batch: TextBatch, layer: int, head: int) -> _Measured:
    """One forward pass; only this head is looked at."""
    kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def see(call: AttentionCall) -> None:
        if call.place == (model.stacks[0], layer):
            key = repeat_key_heads(call.key, call.query.shape[1])[:, head]
            query = call.query[:, head].float() * call.scaling
            kept.append((query.cpu(), key.float().cpu(), call.weights[:, head].float().cpu()))

    options: dict[str, Any] = {"logits_to_keep": 1} if keeps_logits(model) else {}
    model.forward(stacked_inputs([read.inputs for read in batch.reads]), [see], **options)
    return _by_distance(*kept[0], batch)


def _by_distance(
    query: Float[Tensor, "text token head_dim"],
    key: Float[Tensor, "text token head_dim"],
    weights: Float[Tensor, "text token key_token"],
    batch: TextBatch,
) -> _Measured:
    if query.shape[2] != key.shape[2]:
        raise InputError(
            "Queries and keys of this head have different dimensions, so their products cannot be summed."
        )
    length = query.shape[1]
    written = torch.tensor([_counted(read.tokens) for read in batch.reads], dtype=torch.float32)
    classes = torch.tensor([_classes(read.tokens) for read in batch.reads], dtype=torch.float32)
    reach = min(FURTHEST, length - 1)
    distances = list(range(0 if batch.causal else -reach, reach + 1))
    reacted = torch.zeros(len(query), classes.shape[2], query.shape[2], dtype=torch.float32)
    keys = torch.zeros(reacted.shape[:2], dtype=torch.float32)
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for distance in distances:
        i, j = (slice(max(0, d), length + min(0, d)) for d in (distance, -distance))  # queries, keys
        there = written[:, i] * written[:, j]  # [text, place]
        product = query[:, i] * key[:, j] * there[..., None]
        attention = weights.diagonal(-distance, 1, 2)
        rows.append((product.sum(1), (attention * there).sum(1), there.sum(1)))
        if distance:
            more, seen = _reaction(product, there, classes[:, j])
            reacted, keys = reacted + more, keys + seen
    products, masses, places = (torch.stack(parts, 1).double().numpy() for parts in zip(*rows, strict=True))
    return _Measured(np.array(distances), products, masses, places, reacted.double().numpy(), keys.double().numpy())


def _reaction(
    product: Float[Tensor, "text place head_dim"],
    there: Float[Tensor, "text place"],
    classes: Float[Tensor, "text place word_class"],
) -> tuple[Float[Tensor, "text word_class head_dim"], Float[Tensor, "text word_class"]]:
    """At one distance: the products with keys of each class minus the mean of the others', and how many there are."""
    mine = classes * there[..., None]
    count = mine.sum(1)  # [text, class]
    others = there.sum(1)[:, None] - count
    sums = mine.mT @ product  # [text, class, dimension]
    rest = (product.sum(1)[:, None] - sums) / others.clamp_min(1)[..., None]
    held = (others > 0).float()  # without others there is nothing to hold it against
    return (sums - count[..., None] * rest) * held[..., None], count * held


def _counted(tokens: Tokens) -> list[bool]:
    sinks = set(sinks_of(tokens))
    return [i not in sinks for i in range(len(tokens))]


def _classes(tokens: Tokens) -> list[list[bool]]:
    """The class of each token's word."""
    names, found = class_names(), [""] * len(tokens)
    for word, text in zip(tokens.words, tokens.texts, strict=True):
        for i in word:
            found[i] = class_of(text)
    return [[one == name for name in names] for one in found]


# ---------------------------------------------------------------------------------------------- adding up


@dataclass(eq=False)
class _Sums:
    """Sums of places over all texts, and moments of what each text shows by itself."""

    by_distance: dict[int, list[np.ndarray]] = field(default_factory=dict)  # products, weights, places
    slopes: Moments = field(default_factory=Moments)  # [head_dim]
    slope: Moments = field(default_factory=Moments)  # of the head
    reactions: Moments = field(default_factory=Moments)  # [word_class, head_dim]

    def add(self, found: _Measured) -> None:
        """One batch."""
        for n, distance in enumerate(found.distances.tolist()):
            new = [found.products[:, n].sum(0), found.weights[:, n].sum(0), found.places[:, n].sum(0)]
            old = self.by_distance.get(distance)
            self.by_distance[distance] = new if old is None else [a + b for a, b in zip(old, new, strict=True)]
        slopes = _slopes(found)
        self.slopes.add(slopes)
        self.slope.add(slopes.sum(1))
        keys = found.keys[..., None]
        self.reactions.add(np.where(keys > 0, found.reacted / np.maximum(keys, 1), np.nan))

    @property
    def texts(self) -> int:
        """How many gave a slope."""
        return int(np.max(self.slope.count))

    def profile(self, model: str, layer: int, head: int, read: int, not_read: tuple[NotRead, ...]) -> HeadProfile:
        """The means."""
        distances = np.array(sorted(d for d, sums in self.by_distance.items() if sums[2] > 0))
        products, weights, places = (
            np.stack([np.asarray(self.by_distance[d][n]) for d in distances.tolist()]) for n in range(3)
        )
        enough = np.asarray(self.reactions.count).min(1) >= FEWEST
        return HeadProfile(
            model=model,
            layer=layer,
            head=head,
            distances=distances,
            products=products / places[:, None],
            weights=weights / places,
            places=places.astype(np.int64),
            slopes=self.slopes.mean,
            slopes_reach=self.slopes.reach,
            slope=float(self.slope.mean),
            slope_reach=float(self.slope.reach),
            classes=tuple(name for name, known in zip(class_names(), enough, strict=True) if known),
            reactions=self.reactions.mean[enough],
            reactions_reach=self.reactions.reach[enough],
            texts=self.texts,
            read=read,
            not_read=not_read,
        )


def _slopes(found: _Measured) -> Float[np.ndarray, "text head_dim"]:
    """The least-squares slope of the product over |distance| ≥ 1, for each text with at least three distances."""
    off = found.distances != 0
    far = np.abs(found.distances[off]).astype(float)
    places = found.places[:, off]
    chosen = (places > 0).sum(1) >= 3
    places, products = places[chosen], found.products[chosen][:, off]
    centre = (places @ far) / places.sum(1)
    apart = far - centre[:, None]  # [text, distance]
    spread = (places * apart**2).sum(1)
    known = spread > 0
    return np.einsum("td,tdk->tk", apart[known], products[known]) / spread[known, None]


def strongest_dimensions(values: Float[np.ndarray, " head_dim"], count: int) -> list[int]:
    """The dimensions with the largest values in size, the largest first."""
    return np.argsort(-np.abs(values), kind="stable")[:count].tolist()
