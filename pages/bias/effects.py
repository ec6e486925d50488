"""The comparison page's question “Does it matter?”: causal effects of heads on what the model says."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from attnlib.model.sources import twin_of
from pages.ui import cached
from pages.ui.cached import SMALL
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.exhibits import offer
from pages.ui.names import head_names
from pages.ui.reading import Reading
from pages.ui.session import ask_for_rerun, rerun_if_asked
from pages.ui.state import show_head
from pages.ui.terms import explained

if TYPE_CHECKING:
    import numpy as np

    from attnlib.effects.mediation import HeadEffects

Asked = tuple[str, str, str, tuple[str, str]]  # model, prompt A, prompt B, candidates


@st.fragment
def effects(reading: Reading) -> None:
    """Candidates, effects, the sentence, grids and the scatter; every error is a sentence."""
    st.markdown(
        "##### Does it matter?", help=explained("log-odds", "total effect", "indirect effect", "direct effect")
    )
    chosen, pair = reading.chosen, reading.chosen.pair
    assert chosen.model is not None
    assert pair is not None
    problem = _why_not(reading)
    if problem:
        st.info(problem)
        return
    with st.container():
        candidates = _choose_candidates(reading)
    with st.container():
        if candidates is not None:
            asked = (chosen.name, chosen.text, pair.prompt_b, candidates)
            try:
                found = _effects(reading, asked)
            except InputError as error:
                st.warning(plain(str(error)), icon=":material/info:")
                _patched(reading, asked)
            else:
                _draw(reading, found, asked)
    rerun_if_asked()


def _why_not(reading: Reading) -> str:
    """Why effects cannot be measured at all, as a sentence; empty if they can."""
    model, pair = reading.chosen.model, reading.chosen.pair
    assert model is not None
    assert pair is not None
    if not model.editable:
        return f"Effects cannot be measured because attention cannot be edited: {model.refusal}"
    if model.family not in ("causal", "masked"):
        return (
            "Effects need a model that predicts the next word (GPT) or a masked word (BERT). This one does neither."
        )
    if pair.name_b is not None:
        return "Effects are measured in one model. Choose the same model for both prompts."
    if reading.chosen.text_b or pair.second_b:
        return "Effects are measured on single texts. Leave the second sentences empty."
    return ""


def _choose_candidates(reading: Reading) -> tuple[str, str] | None:
    """Two words the model may say; by default those that best tell A from B."""
    from attnlib.words.predictions import telling_words

    suggested = telling_words(reading.comparison.words) or ("", "")
    left, right, about = st.columns([2, 2, 3], vertical_alignment="bottom")
    typed = [
        place.text_input(
            title,
            key=key,
            bind="query-params",
            persist_state="session",
            placeholder=word,
            help=explained("candidate words"),
        )
        for place, title, key, word in (
            (left, "Fits prompt A", "fits_a", suggested[0]),
            (right, "Fits prompt B", "fits_b", suggested[1]),
        )
    ]
    about.caption(
        "Effects are log odds ratios of the second word against the first: +.69 doubles the odds, −.69 halves them."
    )
    first, second = ((text or "").strip() or word for text, word in zip(typed, suggested, strict=True))
    if first and second:
        return first, second
    model = reading.chosen.model
    assert model is not None
    mask = f" Both prompts need {plain(str(model.tokenizer.mask_token))} once." if model.family == "masked" else ""
    st.info(f"Type two words, one that fits prompt A and one that fits prompt B.{mask}")
    return None


def _effects(reading: Reading, asked: Asked) -> "HeadEffects | None":
    """Effects, at once for a small model, on request and with progress for a large one; partial if stopped."""
    model = reading.chosen.model
    assert model is not None
    if model.parameters < SMALL:
        with st.spinner("Editing every head …", show_time=False):
            return cached.head_effects(*asked)
    from attnlib.effects.mediation import head_effects
    from attnlib.wording import duration

    kept: dict[Asked, Any] = st.session_state.setdefault("effects", {})
    seconds = cached.effects_seconds(*asked)
    if st.button(f"Measure every head (at most {duration(seconds)})", key="measure"):
        bar = st.progress(0.0, "Editing every head … Changing any setting stops it; what has been measured is kept.")

        def told(found: "HeadEffects") -> None:
            kept[asked] = found
            bar.progress(found.done)

        head_effects(model, *asked[1:], partial=told)
        bar.empty()
    return kept.get(asked)


def _draw(reading: Reading, found: "HeadEffects | None", asked: Asked) -> None:
    from attnlib.comparison.charts import effect_scatter
    from attnlib.comparison.result import STATISTICS
    from attnlib.effects.findings import NOT_SHARES, effects_finding
    from attnlib.spreadsheet import safe_csv

    if found is None:
        return
    moves = reading.comparison.statistic(reading.statistic, reading.targets)
    st.markdown(plain(effects_finding(found, moves, reading.statistic)))
    if found.done < 1:
        st.info(f"{found.done:.0%} of the edits have been measured.")
    left, right = st.columns(2)
    with left:
        _grids(reading, found, asked)
    with right:
        axes = (f"|{STATISTICS[reading.statistic].title}|", "indirect effect (log odds ratio)")
        figure = effect_scatter(moves, found.log("indirect"), axes, reading.place)
        st.plotly_chart(
            figure,
            key="scatter",
            on_select=_on_point,
            selection_mode="points",
            config={"displaylogo": False},
        )
        _moves(reading, moves)
    st.info(NOT_SHARES, icon=":material/balance:")
    table = safe_csv(found.table())
    offer("Effects of all heads (CSV)", table, "effects.csv", "text/csv")


def _grids(reading: Reading, found: "HeadEffects", asked: Asked) -> None:
    from attnlib.views.grid.payload import HeadGrid, grid_payload

    _, second = found.candidates
    drawn = [HeadGrid("Indirect effect", found.log("indirect"), "prompt A, with this head's attention from B")]
    twin = twin_of(asked[0])
    if twin:
        try:
            other = cached.head_effects(twin, *asked[1:])
            drawn.append(HeadGrid("Twin model, indirect", other.log("indirect"), twin))
        except InputError as error:
            st.warning(f"Twin model: {plain(str(error))}")
    names = head_names(reading.chosen)
    meaning = f"orange: raises the odds of “{second}”, blue: lowers them"
    lost = found.log("total") - found.log("direct")
    direct = [HeadGrid("Total − direct effect", lost, "prompt B: what is lost with this head's attention from A")]
    for key, statistic, shown in (
        ("indirect", "Indirect effect (NIE)", drawn),
        ("direct", "Total − direct effect (TE − NDE)", direct),
    ):
        payload = grid_payload(
            shown, statistic=statistic, signed=True, selected=reading.place, meaning=meaning, labels=names
        )
        head_grid(payload, key=key, on_pick=_on_pick)
    st.caption(
        "Log odds ratios. Indirect: what the head carries by itself. Total − direct: what is lost without it. In "
        "both, "
        "the head that matters is the coloured one. The CSV file also has the ratios − 1 that the paper reports."
    )


def _moves(reading: Reading, moves: "np.ndarray") -> None:
    """The difference in attention again, beside its effects."""
    from attnlib.comparison.result import STATISTICS
    from attnlib.views.grid.payload import HeadGrid, grid_payload

    statistic = STATISTICS[reading.statistic]
    drawn = [HeadGrid("Attention, B − A", moves, "how far it moves")]
    payload = grid_payload(
        drawn,
        statistic=statistic.title,
        signed=statistic.signed,
        selected=reading.place,
        labels=head_names(reading.chosen),
    )
    head_grid(payload, key="moves", on_pick=_on_pick)


def _patched(reading: Reading, asked: Asked) -> None:
    """For prompts of different lengths: effects of patching head outputs at the last token."""
    from attnlib.views.grid.payload import HeadGrid, grid_payload
    from attnlib.wording import signed

    try:
        found = cached.patched_heads(*asked)
    except InputError:
        return  # what is wrong has been said
    st.markdown(
        "Prompts of different lengths can still be patched: the output of one head at the last token (or the mask) "
        "is "
        f"taken from B. Log-odds of “{plain(asked[3][1])}” against “{plain(asked[3][0])}” in A: "
        f"{signed(found.base, 2)}."
    )
    drawn = [HeadGrid("Patched output", found.effect, "change in log-odds")]
    names = head_names(reading.chosen)
    meaning = f"orange: raises the odds of “{asked[3][1]}”, blue: lowers them"
    payload = grid_payload(
        drawn, statistic="Change in log-odds", signed=True, selected=reading.place, meaning=meaning, labels=names
    )
    head_grid(payload, key="patched", on_pick=_on_pick)


def _on_pick(layer: int, head: int) -> None:
    show_head(layer, head)
    ask_for_rerun()


def _on_point() -> None:
    points = st.session_state["scatter"]["selection"]["points"]
    if points:
        layer, head = points[0]["customdata"][:2]
        _on_pick(int(layer), int(head))
