"""Help on the terms of a field or a heading, as the glossary has them."""

from attnlib.glossary import GLOSSARY


def explained(*terms: str, first: str = "") -> str:
    """The meaning of each term, for `help=`; `first` is a sentence about the field itself."""
    if len(terms) == 1:
        return " ".join(part for part in (first, GLOSSARY[terms[0]]) if part)
    meanings = [f"**{term[0].upper()}{term[1:]}**: {GLOSSARY[term]}" for term in terms]
    return "\n\n".join(part for part in (first, *meanings) if part)
