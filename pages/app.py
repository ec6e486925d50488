"""What every page has: page setup, navigation, the shared sidebar, and the page that was chosen."""

import sys
from pathlib import Path

import streamlit as st

if sys.version_info < (3, 11):  # noqa: UP036  (an older Python gets a sentence, not a traceback)
    st.error(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Install it and run `make run`.")
    st.stop()

from pages.ui.exhibits import begin
from pages.ui.pair import write_focus
from pages.ui.share import OWN_CHOICES, share
from pages.ui.state import sidebar

ICON = str(Path(__file__).with_name("ui") / "icon.png")
st.set_page_config(page_title="Attention microscope", page_icon=ICON, layout="wide")
st.html(
    "<style>"
    ".stMainBlockContainer { padding: 4rem 2.5rem 3rem; }"
    # white on the dark theme's light blue could not be read
    "[data-tag] *, .stButton [kind=primary] * { color: light-dark(#fff, #0b1420); }"
    "</style>"
)
sections = {
    "Views": [
        st.Page("views/head.py", title="Attention heads", icon=":material/share:", default=True),
        st.Page("views/model.py", title="All layers and heads", icon=":material/grid_view:", url_path="model"),
        st.Page("views/neuron.py", title="Query × key (neurons)", icon=":material/blur_linear:"),
    ],
    "Bias": [
        st.Page("bias/compare.py", title="Compare prompts", icon=":material/compare_arrows:"),
        st.Page("bias/study.py", title="Study many pairs", icon=":material/monitoring:"),
    ],
    "Behaviour": [
        st.Page("behaviour/patterns.py", title="Recurring patterns", icon=":material/pattern:"),
        st.Page(
            "behaviour/dimensions.py",
            title="Neurons and behaviour",
            icon=":material/tune:",
            url_path="neurons",
        ),
    ],
    "Learn": [
        st.Page("learn/lessons.py", title="Lessons", icon=":material/school:"),
    ],
}
page = st.navigation(sections)
bar = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
bar.subheader(page.title, anchor=False, width="content")
begin()
if page.url_path not in OWN_CHOICES:
    sidebar(
        {"compare": "pair", "model": "either", "neuron": "either", "patterns": "texts"}.get(page.url_path, "text")
    )
page.run()
write_focus()
with bar:
    share(page, [known.url_path for section in sections.values() for known in section])
