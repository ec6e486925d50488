"""What every page has: page setup, navigation, the shared sidebar, and the page that was chosen."""

import sys
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

if sys.version_info < (3, 11):  # noqa: UP036  (an older Python gets a sentence, not a traceback)
    st.error(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Install it and run `make run`.")
    st.stop()

from attnlib.address import PAGES
from pages.ui import exhibits, history
from pages.ui.pair import write_focus
from pages.ui.share import OWN_CHOICES, share
from pages.ui.sidebar import sidebar

ICON = str(Path(__file__).with_name("ui") / "icon.png")
st.set_page_config(page_title="Attention microscope", page_icon=ICON, layout="wide")
st.html(
    "<style>"
    ".stMainBlockContainer { padding: 4rem 2.5rem 3rem; }"
    # white on the dark theme's light blue could not be read
    "[data-tag] *, .stButton [kind=primary]:enabled * { color: light-dark(#fff, #0b1420); }"
    "</style>"
)
SECTIONS = {  # by heading: file and icon of each page, by its path
    "Views": {
        "head": ("views/head.py", "share"),
        "model": ("views/model.py", "grid_view"),
        "neuron": ("views/neuron.py", "blur_linear"),
    },
    "Bias": {
        "compare": ("bias/compare.py", "compare_arrows"),
        "study": ("bias/study.py", "monitoring"),
    },
    "Behaviour": {
        "patterns": ("behaviour/patterns.py", "pattern"),
        "neurons": ("behaviour/dimensions.py", "tune"),
    },
    "Learn": {
        "lessons": ("learn/lessons.py", "school"),
    },
}
READS = {
    "compare": "pair",
    "model": "either",
    "neuron": "either",
    "patterns": "texts",
}  # others: a text


def _page(path: str, file: str, icon: str) -> StreamlitPage:
    title, icon = PAGES[path], f":material/{icon}:"
    first = path == "head"
    return st.Page(file, title=title, icon=icon, url_path=None if first else path, default=first)


sections = {heading: [_page(path, *about) for path, about in pages.items()] for heading, pages in SECTIONS.items()}
page = st.navigation(sections)
history.begin()
bar = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
bar.subheader(page.title, anchor=False, width="content")
exhibits.begin()
if page.url_path not in OWN_CHOICES:
    sidebar(READS.get(page.url_path, "text"))
page.run()
history.finish(write_focus)
with bar:
    share(page, [known.url_path for section in sections.values() for known in section])
