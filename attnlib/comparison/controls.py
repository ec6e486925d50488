"""What a pair's largest head is measured against (edits and models that should show nothing), and the verdict.

Some head always moves most. How far one moves where nothing should says whether that is remarkable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attnlib.comparison.result import Comparison
from attnlib.comparison.untrained import Untrained
from attnlib.wording import largest, number

NEAR = 0.05  # two sizes that differ by no more than this share of the larger are said to be as far as each other

HeadValues = Float[np.ndarray, "layer head"]


@dataclass(frozen=True, eq=False)
class Control:
    """One number per head for an edit or a model that should show no effect."""

    name: str  # within a sentence: "a control edit"
    values: HeadValues  # the statistic; all NaN where it is undefined
    keeps: str = ""  # the focus word, where the edit changes it and this control does not
    alike: bool = True  # whether it changes the same kind of thing: an edit is no control of another model

    @property
    def called(self) -> str:
        """The name, with how the control differs from the edit: "a control edit that keeps “She”"."""
        return f"{self.name} that keeps “{self.keeps}”" if self.keeps else self.name

    @property
    def largest(self) -> float:
        """The size of the largest head; NaN if none has a value."""
        return abs(float(self.values[largest(self.values)]))

    @property
    def measured(self) -> bool:
        return bool(np.isfinite(self.values).any())

    def own(self, place: tuple[int, int]) -> float:
        """How far one head (layer, head) moves, without a sign."""
        return abs(float(self.values[place]))


@dataclass(frozen=True, eq=False)
class Controls:
    """The controls of a pair: those that were measured, and why others were not."""

    others: tuple[Control, ...] = ()
    untrained: Untrained | None = None  # random copies of the model; None: not measured
    missing: tuple[str, ...] = ()  # "no control edit could be made", "untrained copies were not run"

    @property
    def alike(self) -> tuple[Control, ...]:
        """What was measured and changes the same kind of thing as the edit."""
        return tuple(control for control in self.others if control.measured and control.alike)

    def sizes(self) -> list[tuple[str, float, str]]:
        """For each control that counts: its name, its largest head, and both in words."""
        found = [(c.called, c.largest, f"{c.called} {number(c.largest)}") for c in self.alike]
        copies = self.untrained
        if copies is not None and len(copies):
            found.append(("an untrained copy", copies.high, f"{copies.name} {_span(copies.largest)}"))
        return found

    def rows(self) -> list[tuple[str, tuple[float, ...]]]:
        """For each control its name and largest head, for the copies one number each: what `largest_heads` draws."""
        found = [(c.name, (c.largest,)) for c in self.others if c.measured]
        copies = self.untrained
        return [
            *found,
            *([(copies.name, tuple(copies.largest.tolist()))] if copies is not None and len(copies) else []),
        ]

    def not_measured(self) -> tuple[str, ...]:
        """The controls that were left out or could not be measured, in words."""
        undefined = [f"{c.name} could not be measured" for c in self.others if not c.measured and c.alike]
        copies = self.untrained
        if copies is not None and not len(copies):
            undefined.append("untrained copies could not be measured")
        return (*undefined, *self.missing)


def measured_control(
    name: str, control: Comparison, edit: Comparison, statistic: str, targets: Sequence[str] = ()
) -> Control:
    """A comparison as a control of another: every head by the same statistic, and what the control is unlike it in.

    Raises InputError where the control's prompts lack a target.
    """
    models, also = (one.a.model != one.b.model for one in (edit, control))
    keeps = edit.focus_in_a if edit.focus_changed and not control.focus_changed else ""
    return Control(
        name if models == also else f"{name} in {control.a.model} alone",
        control.statistic(statistic, targets),
        keeps,
        models == also,
    )


def near(one: float, other: float) -> bool:
    """Whether two sizes are printed alike or differ by at most NEAR of the larger; neither then counts as larger."""
    return number(one) == number(other) or abs(one - other) <= NEAR * max(one, other)


# ---------------------------------------------------------------------------------------------- the verdict


def verdict(size: float, said: str, place: tuple[int, int], still: float, controls: Controls) -> str:
    """What the edit does to its largest head beside the controls, as the end of a sentence, and what that is not.

    `size` of the head at `place` (layer, head), `said` with its measure: "target shift G −.898". Where a control
    moves another head further, and this one by less than `still`, a second sentence has both numbers.
    """
    name, sizes = f"head {place[0]}-{place[1]}", controls.sizes()
    if not sizes:
        why = f" ({', '.join(controls.not_measured())})" if controls.not_measured() else ""
        return f"moves {name} most ({said}); no control was measured{why}, and in any model some head moves most."
    told = "; ".join([", ".join(words for _, _, words in sizes), *filter(None, [", ".join(controls.not_measured())])])
    farther = [control for control, most, _ in sizes if most > size and not near(most, size)]
    alike = [control for control, most, _ in sizes if near(most, size)]
    if farther:
        first = f"moves no head further than one moves {_where(farther)} (largest: {name}, {said}; {told})."
    elif alike:
        first = f"moves {name} most ({said}), about as far as one moves {_where(alike)} ({told})."
    else:
        first = f"moves {name} most ({said}), further than any head of the controls ({told})."
    still_there = [_other_head(control, place) for control in _led_by_others(size, place, still, controls)]
    second = f" {name.capitalize()} itself hardly moves {' and '.join(still_there)}." if still_there else ""
    return first + second


def _led_by_others(size: float, place: tuple[int, int], still: float, controls: Controls) -> list[Control]:
    """The controls in which another head moves at least as far as the edit's, while the edit's head hardly moves."""
    return [
        control
        for control in controls.alike
        if (control.largest > size or near(control.largest, size)) and control.own(place) < still
    ]


def _other_head(control: Control, place: tuple[int, int]) -> str:
    layer, head = largest(control.values)
    there = f"the {number(control.largest)} is head {layer}-{head}"
    return f"{_where([control.name])} ({number(control.own(place))}; {there})"


def own_head(size: float, place: tuple[int, int], still: float, controls: Controls) -> str:
    """How far the head that the edit moves most moves under each control, of those that the verdict leaves out.

    Not in untrained copies: no head of a copy stands for one of the model. Also controls of another kind.
    """
    told = {id(control) for control in _led_by_others(size, place, still, controls)}
    left = [c for c in controls.alike if id(c) not in told and np.isfinite(c.own(place))]
    parts = [f"by {number(control.own(place))} {_where([control.name])}" for control in left]
    sentence = f"Head {place[0]}-{place[1]} itself moves {' and '.join(parts)}." if parts else ""
    others = [c for c in controls.others if c.measured and not c.alike]
    unlike = " ".join(f"For comparison, {c.called} moves a head by {number(c.largest)}." for c in others)
    return " ".join(filter(None, [sentence, unlike]))


def _where(controls: Sequence[str]) -> str:
    places = [("under " if "edit" in name else "in ") + name for name in controls]
    return " and ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)


# ---------------------------------------------------------------------------------------------- the drawing


def reference_sentence(what: str, value: float, untrained: Untrained) -> str:
    """In how many untrained copies the largest head reaches that of a finding, and what this is not.

    `what` names the finding's head: "head 0-2 here".
    """
    reached = untrained.as_large(value)
    if len(untrained) == 1:
        told = f"In {untrained.name} the largest head {'moves' if reached else 'does not move'}"
    else:
        told = f"In {reached} of {untrained.name} the largest head moves"
    return f"{told} as far as {what}, or farther. This is a reference, not a test: there is no p."


def rows_in_words(own: tuple[str, float], references: Sequence[tuple[str, Sequence[float]]]) -> str:
    """What `largest_heads` draws, in words, for readers who cannot see it."""
    rows = [(own[0], (abs(own[1]),)), *references]
    told = "; ".join(f"{name}: {_span(np.array(sizes))}" for name, sizes in rows)
    return f"The size of the largest head: {told}."


def _span(sizes: Float[np.ndarray, " size"]) -> str:
    """ ".024 to .240"; for a single number just that number."""
    return number(sizes.min()) + (f" to {number(sizes.max())}" if len(sizes) > 1 else "")
