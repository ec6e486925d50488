"""What a session keeps beside its widgets, in every other key of `st.session_state`; what fragments ask for."""

import streamlit as st

KEPT = {  # by key; a test finds every key that the pages use here, at a widget, or in the address
    "begun_study": "what the study was begun with that this session began last",
    "chosen": "choices that no widget shows, as the address has them",
    "choices": "what the sidebar of this run says",
    "compared_once": "whether this session has compared a pair: only the first chooses its head by itself",
    "deleted_study": "where the study lies that this session deleted last",
    "dimensions_of": "the head whose strongest dimensions were chosen by themselves",
    "drawn": "the views and downloads of the current page",
    "effects": "effects of every head of large models, as far as they are measured",
    "focus_in": "the model and prompts in which the focus word was chosen by place",
    "focus_kept": "the place of the focus word that the address had",
    "focus_to_write": "the place of the focus word, to be written into the address at the end of the run",
    "form_error": "why a new study could not be begun",
    "go_to": "the layer and head that the sidebar of the next run chooses",
    "hidden_in": "the model and text in which tokens are hidden",
    "languages_of": "the translation model whose languages are chosen",
    "last_texts": "whether the last page had one text or a pair",
    "lesson_answers": "answers by lesson and question",
    "lesson_steps": "the step at which each lesson was left",
    "linked_before": "whether this session began with a link to a pair from before focus words had places",
    "linked_in": "the prompts whose alignment was corrected",
    "listens": "whether the browser has what makes entries of its history",
    "measure_copies": "the study and model whose untrained copies are to be measured",
    "nothing_to_change": "whether prompt A had nothing to reword",
    "open_page": "the page that a fragment asks to turn to, and with which text",
    "open_study": "the study that the next run opens",
    "page": "the page whose view's state is `view_at_start`",
    "pair_note": "what a built-in pair asks, and its prompt A",
    "pair_to_show": "the pair of a study that the comparison is to show",
    "pattern_next": "the pattern that the next run chooses",
    "patterns_row": "the row of the table of heads that was chosen last",
    "pictures_for_pack": "the pictures that the browser has made for the evidence pack",
    "profiles": "heads of large models whose profile was asked for",
    "recent_models": "models that were loaded in this session",
    "relations": "patterns that were described by example",
    "rerun_all": "whether a fragment asks for a run of the whole page",
    "silence_asked": "what was silenced last over many pairs",
    "study_error": "why a study could not be started",
    "to_top": "how often the browser was to scroll to the top",
    "to_write": "what writes the address of a run that ended before the browser listened",
    "told": "choices that the address is to have at the end of the run",
    "told_empty": "the text that the address has also where it is empty",
    "turned": "whether the page was turned by a program, not by a person",
    "turns": "how often Back or Forward was pressed",
    "uploads": "uploaded files on disk, by key",
    "view_at_start": "the state that the page's own view starts in",
}


def ask_for_rerun() -> None:
    """In a fragment: have the whole page run again at the fragment's end, since what is outside it has changed."""
    st.session_state["rerun_all"] = True


def forget_rerun() -> None:
    """Forget a request to run again: what has changed is drawn further down in this run."""
    st.session_state.pop("rerun_all", None)


def rerun_if_asked() -> None:
    """Run the whole page again if a fragment asked for it; called at the end of a fragment or page."""
    if st.session_state.pop("rerun_all", False):
        st.rerun()


def ask_for_page(page: str, text: str | None = None) -> None:
    """In a callback, which cannot turn the page itself: have the run that follows turn it, with this text."""
    st.session_state["open_page"] = (page, text)


def page_asked_for() -> tuple[str, str | None]:
    """The page that a callback has asked for, and its text; an empty name for none."""
    return st.session_state.pop("open_page", ("", None))
