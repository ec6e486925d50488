"""The dashboard's entrypoint: page setup, the sidebar shared by all pages, and the page that was chosen."""

import sys

import streamlit as st

if sys.version_info < (3, 11):
    st.error(
        "Python 3.11 or newer is needed; this is Python %d.%d. Install it and run `make run`." % sys.version_info[:2]
    )
    st.stop()

from pages.ui.state import sidebar

st.set_page_config(page_title="Attention microscope", page_icon="pages/ui/icon.png", layout="wide")
st.html("<style>.stMainBlockContainer { padding: 3.5rem 2.5rem 3rem; }</style>")
page = st.navigation(
    {"Views": [st.Page("pages/views/head.py", title="Attention heads", icon=":material/share:", default=True)]},
)
sidebar()
page.run()
