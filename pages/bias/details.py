"""The parts of the comparison page under the grid: one head closely, words, further prompts, downloads."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.ablation import switches
from pages.ui.component import head_view, matrix
from pages.ui.controls import plain
from pages.ui.exhibits import offer
from pages.ui.names import names_in_layer
from pages.ui.pair import links
from pages.ui.reading import Reading, further_comparisons
from pages.ui.session import rerun_if_asked
from pages.ui.state import neuron_button
from pages.ui.terms import explained
from pages.ui.view_state import follow_head_view, view_state

if TYPE_CHECKING:
    from attnlib import Comparison
    from attnlib.comparison.controls import Controls


@st.fragment
def head(reading: Reading) -> None:
    from attnlib.views.pair.payload import pair_head_payload

    chosen = reading.chosen
    st.markdown(f"##### Layer {chosen.layer}, " + ("all heads" if chosen.head is None else f"head {chosen.head}"))
    try:
        names = names_in_layer(chosen)
        about: dict[str, Any] = {"head": chosen.head, "layers": chosen.layers, "can_hide": False, "labels": names}
        payload = pair_head_payload(reading.comparison, chosen.layer, state=view_state("compare"), **about)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    head_view(payload, key="pair_view", on_event=follow_head_view)
    neuron_button(chosen)
    rerun_if_asked()


def details(reading: Reading) -> None:
    """The head as a matrix, and where the focus word looks."""
    from attnlib.views.pair.payload import pair_matrix_payload

    left, right = st.columns(2)
    layer, head = reading.place
    with left:
        st.markdown(f"##### Head {layer}-{head} as a matrix", help=explained("attention weight", "aligned unit"))
        try:
            payload = pair_matrix_payload(reading.comparison, layer, head)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            matrix(payload, key="matrix")
    with right:
        if reading.targets:
            heading = f"##### From “{plain(reading.comparison.focus.word)}” to its targets, head {layer}-{head}"
            st.markdown(heading, help=explained("focus word", "target words", "target shift G"))
            _bars(reading)


def _bars(reading: Reading) -> None:
    from attnlib.comparison.charts import target_bars

    prompts = ["A", "B"]
    here = reading.comparison.target_masses(reading.targets)
    masses = [[float(mass.a[reading.place]) for mass in here], [float(mass.b[reading.place]) for mass in here]]
    for name, comparison in further_comparisons(reading)[0]:
        try:
            found = comparison.target_masses(reading.targets)
        except InputError:  # told where the further prompts are listed
            continue
        prompts.append(name)
        masses.append([float(mass.b[reading.place]) for mass in found])
    st.plotly_chart(target_bars(reading.targets, prompts, masses), key="bars", config={"displaylogo": False})


def words(reading: Reading) -> None:
    from attnlib.comparison.charts import word_bars
    from attnlib.words.predictions import LEAST, largest_changes

    words = reading.comparison.words
    st.markdown("##### What the model would say")
    if not words:
        st.caption(_why_no_words(reading))
        return
    places = list(dict.fromkeys(word.place for word in words))
    place = places[0]
    if len(places) > 1:
        place = st.segmented_control("At", places, default=place, required=True, key="place") or place
    here = [word for word in words if word.place == place]
    st.plotly_chart(word_bars(largest_changes(here)), key="words", config={"displaylogo": False})
    st.caption(f"Words with a probability of at least {LEAST} under A or B; largest changes in log-probability.")


def _why_no_words(reading: Reading) -> str:
    from attnlib.words.predictions import LEAST

    model = reading.chosen.model
    if model is None or model.family == "encoder":
        return "This model has no language-model head, so it predicts no words."
    if model.family == "masked":
        mask = plain(str(model.tokenizer.mask_token))
        return f"Nothing to predict: put {mask} in place of a word in both prompts."
    return f"No word has a probability of {LEAST} or more under A or B."


def heads_off(reading: Reading) -> None:
    """How both prompts would continue if heads were switched off."""
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    a = ("Prompt A", chosen.text, chosen.text_b, chosen.name)
    b = ("Prompt B", pair.prompt_b, pair.second_b, pair.name_b or chosen.name)
    switches(chosen, [a, b])


def further(reading: Reading) -> None:
    """A against every other prompt: one statistic, one row each."""
    from attnlib.comparison.findings import prompts_table

    pair = reading.chosen.pair
    assert pair is not None
    if not pair.further:
        return
    st.markdown("##### All prompts against prompt A")
    more, not_run = further_comparisons(reading)
    everything = [("B", reading.comparison), *more]
    table, not_read = prompts_table(everything, reading.statistic, reading.targets, reading.place)
    st.dataframe(table, hide_index=True)
    for problem in not_run + not_read:
        st.warning(plain(problem))


def downloads(reading: Reading, controls: "Controls") -> None:
    from attnlib.comparison import export

    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None

    def full() -> "Comparison":
        names, prompts = (chosen.name, pair.name_b or chosen.name), reading.comparison.prompts
        options = (reading.focus, links(), chosen.cut, chosen.spoken)
        return cached.compare_whole(names, prompts, chosen.stack, *options)

    def everything() -> str:
        models = cached.load_model(chosen.name), cached.load_model(pair.name_b or chosen.name)
        return export.comparison_json(full(), models, statistic, targets, controls)

    statistic, targets = reading.statistic, reading.targets
    with st.container(horizontal=True):
        offer(
            "Ranking of heads (CSV)",
            lambda: export.ranking_csv(reading.comparison, statistic, targets),
            "ranking.csv",
            "text/csv",
        )
        offer(
            "Difference, all layers (NPZ)",
            lambda: export.difference_npz(full()),
            "difference.npz",
            "application/octet-stream",
        )
        offer("Whole comparison (JSON)", everything, "comparison.json", "application/json")
