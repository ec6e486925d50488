"""Documents built by a rule and not from a template: repetitions, invented words, lists, numbers, facts.

They are what makes induction heads form: the exact earlier occurrence tells what comes next.
"""

from random import Random

from .vocabulary import CAPITALS, CONTAINERS, DIGITS, MEN, NUMBERS, SYLLABLES, WOMEN, WORDS

NOUNS = WORDS["obj"] + WORDS["color"] + WORDS["animal"] + WORDS["thing"]
MORE_NOUNS = NOUNS + WORDS["food"] + WORDS["place"]


def draw(rng: Random, slot: str) -> str:
    """One word of a slot of vocabulary.WORDS."""
    return rng.choice(WORDS[slot])


def enumerate_words(words: list[str]) -> str:
    """Join with commas, the last with ", and"."""
    return ", ".join(words[:-1]) + f", and {words[-1]}"


def cycle(words: list[str], start: int, count: int) -> list[str]:
    """`count` words from `start` on, beginning again at the end."""
    return [words[(start + i) % len(words)] for i in range(count)]


# ---- repetitions


def _repeated_digits(rng: Random, count: int) -> str:
    code = " ".join(rng.choices(DIGITS, k=count))
    return f"The code is {code}. I repeat, the code is {code}. Once more, the code is {code}."


def _repeated_nouns(rng: Random, count: int) -> str:
    words = " ".join(rng.sample(NOUNS, count))
    start = rng.choice(["The ", "A ", "Say: ", ""])
    return start + rng.choice([f"{words}. {words}. {words}.", f"{words} {words} {words}"])


def _repeated_names(rng: Random, count: int) -> str:
    names = " ".join(rng.sample(WOMEN + MEN, count))
    return f"{names}, {names}, {names}."


def _round_and_round(rng: Random, count: int) -> str:
    line = f"Round and round the {draw(rng, 'thing')} {rng.choice(['goes', 'turns', 'runs', 'jumps'])}"
    return f"{line}, round and round, round and round. {line}, all day long."


def _repeated_list(rng: Random, count: int) -> str:
    words = ", ".join(rng.sample(MORE_NOUNS, count))
    return f"{rng.choice(WOMEN + MEN)} said: {words}. Again: {words}. And again: {words}."


def _repeated_phrase(rng: Random, count: int) -> str:
    name, pronoun = rng.choice([(rng.choice(WOMEN), "She"), (rng.choice(MEN), "He")])
    things = [f"the {draw(rng, 'size')} {draw(rng, 'color')} {draw(rng, kind)}" for kind in ("animal", "thing")]
    phrase = " and ".join(things)
    return f"{name} likes {phrase}. {pronoun} never forgets {phrase}. Where are {phrase}?"


def _few_symbols(rng: Random, count: int) -> str:
    """Long and of few symbols: only the exact previous token tells what comes next."""
    symbols = rng.sample(rng.choice([DIGITS, WORDS["color"], WORDS["animal"]]), 5)
    words = " ".join(rng.choices(symbols, k=count + 4))
    return f"Say: {words}. {words}."


REPETITIONS = {
    _repeated_digits: 3,
    _repeated_nouns: 4,
    _repeated_names: 2,
    _round_and_round: 1,
    _repeated_list: 2,
    _repeated_phrase: 2,
    _few_symbols: 3,
}


def repetition(rng: Random) -> str:
    """A sequence of 4 to 8 words (or up to 12 symbols), said two or three times."""
    kind = rng.choices(list(REPETITIONS), list(REPETITIONS.values()))[0]
    return kind(rng, rng.randint(4, 8))


def invented_word(rng: Random) -> str:
    """A word that does not exist, used three times and more."""
    word = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 3)))
    town = word.capitalize()
    return rng.choice(
        [
            f"A {word} is a {draw(rng, 'size')} {draw(rng, 'color')} {draw(rng, 'animal')}. "
            f"The {word} {draw(rng, 'stayed')} near the {draw(rng, 'thing')}. Everyone saw the {word}.",
            f"{town} is a town in the {rng.choice(['north', 'south', 'east', 'west'])}. "
            f"{rng.choice(WOMEN + MEN)} lives in {town}. In {town}, it is {draw(rng, 'weather')}. I like {town}.",
            f"The word is {word}. I repeat, the word is {word}. Say {word}, {word}, {word}.",
        ]
    )


# ---- lists, numbers, facts


def listing(rng: Random) -> str:
    """Fruit, names, days, numbers or colours, with commas."""
    count = rng.randint(3, 5)
    name, place = rng.choice(WOMEN + MEN), draw(rng, "place")
    goods = enumerate_words(rng.sample(WORDS["fruit"] + WORDS["food"], count))
    guests = enumerate_words(rng.sample(WOMEN + MEN, count))
    days = enumerate_words(cycle(WORDS["day"], rng.randrange(7), count))
    start = rng.randint(0, 5)
    colors = enumerate_words(rng.sample(WORDS["color"], count))
    return rng.choice(
        [
            f"{name} bought {goods} at the {place}.",
            f"{guests} went to the {place} on {draw(rng, 'day')}.",
            f"The days are {days}.",
            f"Count: {enumerate_words(NUMBERS[start : start + count])}.",
            f"The colors of the {draw(rng, 'obj')} are {colors}. {name} likes {draw(rng, 'color')}.",
        ]
    )


def plural(noun: str) -> str:
    """The regular English plural."""
    return noun + ("es" if noun.endswith(("x", "ch", "sh")) else "s")


def agreement(rng: Random) -> str:
    """The verb agrees with the first noun, not with the nearest one."""
    first, second, many = draw(rng, "obj"), draw(rng, "thing"), rng.random() < 0.5
    first, verb = (plural(first), "are") if many else (first, "is")
    second = rng.choice([second, plural(second)])
    where = rng.choice(["near", "behind", "under", "next to", "on"])
    what = rng.choice([*WORDS["color"], "old", "new", "big", "small"])
    return f"The {first} {where} the {second} {verb} {rng.choice(['very ', ''])}{what}."


def too_big(rng: Random) -> str:
    """ "it" is the thing or its container, as size decides."""
    (thing, container), size = rng.choice(CONTAINERS), rng.choice(["big", "small"])
    sentence = f"The {thing} does not fit in the {container} because it is too {size}."
    if rng.random() < 0.6:
        sentence += f" The {thing if size == 'big' else container} is too {size}."
    return sentence


def fact(rng: Random) -> str:
    """Capitals, the order of months and days, animals."""
    city = rng.choice(list(CAPITALS))
    months, days = cycle(WORDS["month"], rng.randrange(12), 3), cycle(WORDS["day"], rng.randrange(7), 2)
    name, pronoun = rng.choice([(rng.choice(WOMEN), "She"), (rng.choice(MEN), "He")])
    animal = draw(rng, "animal")
    article = "An" if animal[0] in "aeiou" else "A"
    return rng.choice(
        [
            f"{city} is the capital of {CAPITALS[city]}.",
            f"{name} lives in {city}, the capital of {CAPITALS[city]}. {pronoun} likes {CAPITALS[city]}.",
            f"After {months[0]} comes {months[1]}. After {months[1]} comes {months[2]}.",
            f"Today is {days[0]}, and tomorrow is {days[1]}.",
            f"{article} {animal} is an animal. {article} {animal} can "
            f"{rng.choice(['run', 'sleep', 'eat', 'jump', 'swim', 'hide'])}.",
            "The sky is blue, the grass is green, and the snow is white.",
        ]
    )
