"""Payloads and their drawing, in Streamlit, in a notebook and in a saved page: Python and JavaScript."""
