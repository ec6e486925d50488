"""What a row can see, and so which numbers of a pair cannot differ: undefined, never 0. No attention here.

Decided from the alignment and from who looks ahead. A number cannot differ where a row has no choice (the first word
of a causal model sees only itself), where all it sees is the same in both prompts and in one model (rows before the
edit), or where what is asked of it is out of its sight (a later target).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from attnlib.comparison.align import Alignment
from attnlib.comparison.focus import Span, default_focus, sinks_of
from attnlib.model.tokens import Tokens, word_text

AHEAD = "this model never looks ahead"
BEFORE = (
    f"stands before the first word that differs, and {AHEAD}: what it sees is the same in both prompts, so its "
    "attention cannot differ."
)


@dataclass(frozen=True)
class Sight:
    """Who sees what in a pair of prompts."""

    queries: Alignment
    keys: Alignment  # the same object except in cross attention
    causal: bool  # no token sees a later one
    same_start: bool  # rows before the first edit are the same in both prompts: a causal model, the same for both

    # ---- which rows have a choice

    def cannot_differ(self, span: Span) -> str:
        """Why a word's attention, over the keys both prompts have, is the same in any model; "" if it can differ."""
        if self._seen_units(span) < 2:
            return f"{self._alone(span)}, so its attention cannot differ."
        if self._before_edit(span):
            return f"“{span.word}” {BEFORE}"
        return ""

    def _alone(self, span: Span) -> str:
        if not self.causal:
            return f"“{span.word}” sees a single word that both prompts have"
        first = min(span.a) == min(span.b) == 0
        return f"“{span.word}” comes first" + (
            " and sees only itself" if first else " of what both prompts have: of that it sees only itself"
        )

    def any_can_differ(self, units: Sequence[int]) -> bool:
        """Whether the attention of at least one of these units, all of them in both prompts, can differ."""
        return any(not self.cannot_differ(self._span(unit)) for unit in units)

    def _seen_units(self, span: Span) -> int:
        """How many keys of both prompts the rows see, in either prompt; counted up to 2."""
        units, last_a, last_b = self.keys.units, max(span.a), max(span.b)
        seen = (
            u for u in self.keys.shared if not self.causal or min(units[u].a) <= last_a or min(units[u].b) <= last_b
        )
        return len(list(islice(seen, 2)))

    def _before_edit(self, span: Span) -> bool:
        edit = self.queries.first_edit
        return self.same_start and edit is not None and max(*span.a, *span.b) < edit

    def _span(self, unit: int) -> Span:
        return Span(self.queries.labels[unit][0].strip(), self.queries.units[unit].a, self.queries.units[unit].b)

    # ---- which targets are in sight

    def sees(self, focus: Span, target: Span) -> bool:
        """Whether the focus word sees a target, or a part of it, in both prompts."""
        return not self.causal or (min(target.a) <= max(focus.a) and min(target.b) <= max(focus.b))

    def no_shift(self, focus: Span, targets: Sequence[Span], corrected: bool = False) -> str:
        """Why a target shift from the focus word to these targets cannot be measured; "" where it can."""
        hidden = [target.word for target in targets if not self.sees(focus, target)]
        if hidden:
            which = "both targets come" if len(hidden) > 1 else f"the target “{hidden[0]}” comes"
            reason = f"{which} after “{focus.word}”, and {AHEAD}."
        else:
            before = f"“{focus.word}” {BEFORE}" if self._before_edit(focus) else ""
            reason = before or self._all_of_it(focus, targets, corrected)
        if not reason:
            return ""
        jsd = ", or read by JSD" if hidden and not self.cannot_differ(focus) else ""
        return f"{reason} {self.remedy(targets)}{jsd}."

    def _all_of_it(self, focus: Span, targets: Sequence[Span], corrected: bool) -> str:
        """A target that is everything the focus word sees gets weight 1 in both prompts."""
        for target in targets:
            sides = ((self.keys.a, focus.a, target.a), (self.keys.b, focus.b, target.b))
            if all(self._rest(tokens, at, to, corrected) == set() for tokens, at, to in sides):
                return f"“{target.word}” is all that “{focus.word}” sees, so its attention to it cannot differ."
        return ""

    def _rest(self, tokens: Tokens, at: Sequence[int], to: Sequence[int], corrected: bool) -> set[int]:
        """What a focus word sees besides a target."""
        seen = set(range(max(at) + 1 if self.causal else len(tokens)))
        return seen - set(to) - set(sinks_of(tokens) if corrected else ())

    def remedy(self, targets: Sequence[Span] = ()) -> str:
        """What to do where a number cannot differ, without a full stop."""
        later = self.later_focus(targets)
        if later:
            return f"Choose a later focus (“{later.word}”, say)"
        return "Continue the prompts after " + ("the targets" if targets else "the edit")

    # ---- the focus word

    def default_focus(self) -> Span:
        """The last word that differs; where its attention cannot differ, the next one whose attention can.

        The next word is one with a letter or digit, if there is any. Where no row can differ, the last word that
        differs all the same. Raises InputError where no token stands for another.
        """
        edited = default_focus(self.queries)
        if self.queries.first_edit is None or not self.cannot_differ(edited):
            return edited
        words = self._open_words()
        later = [span for span in words if min(span.a) > max(edited.a)] or words[::-1]
        return next((span for span in later if _written(span.word)), later[0] if later else edited)

    def about(self, focus: Span) -> str:
        """Which word the focus is, if it is not the one that differs; "" if it is."""
        edited = default_focus(self.queries)
        if (focus.a, focus.b) == (edited.a, edited.b) or not self.cannot_differ(edited):
            return ""
        return f"Focus: “{focus.word}”. {self.cannot_differ(edited)}"

    def later_focus(self, targets: Sequence[Span]) -> Span | None:
        """The last word that sees all targets, is none of them, and whose attention can differ."""
        taken = {i for target in targets for i in target.a}
        fitting = [
            span
            for span in self._open_words()
            if _written(span.word) and not taken & set(span.a) and all(self.sees(span, target) for target in targets)
        ]
        return fitting[-1] if fitting else None

    def _open_words(self) -> list[Span]:
        """The words of both prompts whose attention can differ, in order; no special tokens."""
        found = []
        for word in self.queries.a.words:
            units = [u for u, unit in enumerate(self.queries.units) if set(unit.a) & set(word)]
            if any(not self.queries.units[u].b for u in units) or self.queries.a.special[word[0]]:
                continue
            a = tuple(i for u in units for i in self.queries.units[u].a)
            span = Span(
                word_text(self.queries.a, a).strip(), a, tuple(i for u in units for i in self.queries.units[u].b)
            )
            if not self.cannot_differ(span):
                found.append(span)
        return list(dict.fromkeys(found))


def _written(word: str) -> bool:
    return any(char.isalnum() for char in word)
