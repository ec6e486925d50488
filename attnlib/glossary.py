"""The terms of the pages, each in one or two sentences: the pages' help and docs/glossary.md say the same.

Not here: formulas, sources and how to read a term on a page, which are in docs/glossary.md only.
"""

import re

GLOSSARY: dict[str, str] = {
    # reading a model
    "token": "A piece of text as the model reads it: a word, part of a word, or a punctuation mark.",
    "special token": (
        "A token that marks structure instead of text, such as [CLS], [SEP] or [MASK]. Most are added by the "
        "tokenizer."
    ),
    "layer": (
        "One of the processing steps that a model applies one after another. Each has several attention heads; "
        "layers are counted from 0."
    ),
    "head": (
        "One of several attention mechanisms that work side by side in a layer, each with weights of its own. Head "
        "0-2 is head 2 of layer 0; both are counted from 0."
    ),
    "query and key": (
        "Two vectors that a head computes for every token. The query of the token that looks, multiplied by the key"
        " of the token looked at, gives a score; the softmax turns a row of scores into attention weights."
    ),
    "dimension": (
        "One component of a head's query and key vectors. A score is a sum over dimensions, so each has its own "
        "share in it; one dimension is also called a neuron."
    ),
    "attention weight": (
        "How much of its attention a token gives to another token in one head, from 0 to 1. The weights from one "
        "token to all the tokens it can see sum to 1."
    ),
    "attention sink": (
        "A token, usually the first or a special one, that takes much of the attention whatever the text says. "
        "“Sink removed” leaves it out and divides the remaining weights by their sum."
    ),
    "entropy": (
        "How evenly a token spreads its attention: 0 if all of it goes to one token, 1 if every token it can see "
        "gets the same."
    ),
    # comparing two prompts
    "focus word": (
        "The word whose attention is compared: the one that looks. By default it is the last word that differs, or "
        "a later one if that one's attention cannot differ."
    ),
    "target words": "One or two words that the focus word may look at, such as “nurse” and “doctor”.",
    "target shift G": (
        "How far the focus word's preference for the first target over the second changes from prompt A to prompt "
        "B. Positive: B leans further towards the first target; negative: towards the second; 0: no change."
    ),
    "JSD": (
        "Jensen–Shannon divergence: how different two rows of attention weights are. 0 means they are the same, 1 "
        "that they have no token in common."
    ),
    "TV": (
        "Total variation: the share of its attention that a token gives to other tokens in B than in A. 0 means "
        "nothing moved, 1 that all of it did."
    ),
    "aligned unit": (
        "A word of prompt A together with the word of prompt B that stands in its place, however many tokens each "
        "has. Attention to a unit is summed over its tokens; attention from a unit is averaged."
    ),
    "control edit": (
        "A change of prompt A that should make no difference, such as a synonym or another name of the same gender."
        " A head that moves as much under it does not respond to your edit in particular."
    ),
    "twin model": (
        "A model trained like the biased one, but on text in which every occupation goes with “she” and “he” "
        "equally often. What the twin shows, too, is not due to the planted bias."
    ),
    "untrained copies": (
        "Models of the same architecture with random weights. In every model some head moves most; they show how "
        "far that is where nothing was learned."
    ),
    # what heads do to the words
    "candidate words": (
        "Two continuations whose odds are measured: one that fits prompt A and one that fits prompt B. In a masked "
        "model they fill the mask."
    ),
    "log-odds": (
        "The natural logarithm of how many times likelier one word is than another. A change of +.69 doubles the "
        "odds, −.69 halves them, 0 leaves them as they are."
    ),
    "total effect": "How the odds of the two candidate words change when prompt A is replaced by prompt B.",
    "indirect effect": (
        "How the odds change in prompt A when the attention of this head alone is taken from prompt B. It measures "
        "what the head carries by itself."
    ),
    "direct effect": (
        "How the odds change from prompt A to prompt B when this head keeps its attention from A. Total − direct is"
        " what the change loses without the head."
    ),
    "silencing": (
        "Setting a head's attention, or a dimension of its vectors, to zero while the model runs, to see what "
        "changes without it."
    ),
    # studies
    "independent unit": (
        "Pairs that belong together because they share an occupation or a name. They are averaged first; intervals "
        "and tests then count units, not pairs."
    ),
    "confidence interval": (
        "A range computed so that in 95 % of studies it contains the true mean. An interval that leaves out 0 says "
        "that the head moves, if it was the only head you looked at."
    ),
    "corrected p": (
        "How often chance alone would make any of the heads move as clearly as this one. It allows for looking at "
        "many heads at once: where no head moves, at most 5 % of studies report one with p below .05."
    ),
    "effect size": (
        "Cohen's d: the mean divided by the standard deviation of the units. It says how consistent a shift is, not"
        " how large."
    ),
    "power": "The probability that a study of this size finds a shift of a given size, if there is one.",
    # what heads do over many texts
    "pattern score": (
        "The attention that a head gives to the tokens a pattern describes, such as the previous token, averaged "
        "over many texts. 1 means all of its attention."
    ),
    "pattern baseline": (
        "The score that a head would get without doing this in particular: if it attended evenly to every token, "
        "or, for pronouns, what it gives to the other word that could be meant."
    ),
    "induction": (
        "Continuing a sequence that was seen before. An induction head looks back to the token that followed the "
        "previous occurrence of the current one."
    ),
    "coreference": (
        "Two expressions that refer to the same person or thing, such as “the nurse” and “she”. A coreference head "
        "looks from a pronoun to the word it refers to."
    ),
}


def terms_in(text: str) -> list[str]:
    """The terms that a text uses, in the glossary's order.

    Args:
        text: any text, such as a step of a lesson.

    Returns:
        Keys of GLOSSARY that stand in the text as words, in singular or plural, whatever their capitals.

    Example:
        >>> terms_in("Which heads of the first layer look at “nurse”?")
        ['layer', 'head']
    """
    return [term for term in GLOSSARY if re.search(rf"\b{re.escape(term)}s?\b", text, re.IGNORECASE)]
