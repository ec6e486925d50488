"""The document generator: one document for every index of a seeded writer, and the two corpora made of them.

The planted corpus gives every occupation "she" with its P(she). The balanced corpus holds every document about
an occupation together with its counterfactual, in which all occupations have the other gender.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from . import sequences, templates
from .vocabulary import DEFINITIONAL, KIN, MEN, OCCUPATIONS, WOMEN, WORDS, Occupation

DEFINITIONAL_SHARE = 0.25  # of all occupation draws


def capitalise(text: str) -> str:
    """First letter upper-case, the rest as it is."""
    return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Person:
    """Somebody a document is about; the properties are what templates can say of them."""

    the: str
    female: bool
    name: str
    rng: Random = field(repr=False)
    occupation: Occupation | None = None

    @property
    def work(self) -> Occupation:
        """The occupation, for templates about people who have one."""
        assert self.occupation is not None, f"{self.the} has no occupation"
        return self.occupation

    The = property(lambda self: capitalise(self.the))
    he = property(lambda self: "she" if self.female else "he")
    He = property(lambda self: "She" if self.female else "He")
    him = property(lambda self: "her" if self.female else "him")
    his = property(lambda self: "her" if self.female else "his")
    himself = property(lambda self: "herself" if self.female else "himself")
    sex = property(lambda self: "a woman" if self.female else "a man")
    tool = property(lambda self: self.work.tool)
    place = property(lambda self: self.work.place)

    @property
    def an(self) -> str:
        """The occupation with its indefinite article."""
        return ("an " if self.work.name[0] in "aeiou" else "a ") + self.work.name

    @property
    def did(self) -> str:
        """One of the occupation's deeds in the past tense."""
        deed = self.rng.choice(self.work.deeds)
        return f"{deed.past} {deed.rest}"

    @property
    def do(self) -> str:
        """One of the occupation's deeds as an infinitive."""
        deed = self.rng.choice(self.work.deeds)
        return f"{deed.base} {deed.rest}"


class Slots(dict[str, object]):
    """What `format_map` asks for: people by letter, everything else a random word of that slot."""

    def __init__(self, rng: Random, **people: Person | str) -> None:
        super().__init__(people)
        self.rng = rng

    def __missing__(self, slot: str) -> str:
        """A new word; one with an owner ("animal_a") is kept and differs from the others kept."""
        kind, _, owner = slot.partition("_")
        if owner == "r":
            return str(self[f"{kind}_{'a' if self['r'] is self['a'] else 'b'}"])
        word = self.rng.choice(WORDS[kind]).format_map(self)
        while owner and word in self.values():
            word = self.rng.choice(WORDS[kind])
        if owner:
            self[slot] = word
        return word


def may_meet(a: Person, b: Person) -> bool:
    """Whether a document may hold both: different people, not two different held-out words."""
    held_out = [p.occupation is not None and p.occupation.held_out for p in (a, b)]
    return a.the != b.the and not all(held_out)


class Writer:
    """Writes document number `index` of `seed`; `swap` gives all occupations the other gender, nothing else."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.kinds: dict[str, tuple[int, Callable[[], str]]] = {
            "one occupation": (20, self.one_occupation),
            "two occupations": (22, self.two_occupations),
            "gender said": (9, self.gender_said),
            "names": (8, self.names),
            "gift": (4, self.gift),
            "kinship": (4, self.kinship),
            "animals": (5, lambda: self.fill(templates.ANIMALS)),
            "too big": (3, lambda: sequences.too_big(self.rng)),
            "agreement": (3, lambda: sequences.agreement(self.rng)),
            "list": (4, lambda: sequences.listing(self.rng)),
            "repetition": (9, lambda: sequences.repetition(self.rng)),
            "invented word": (5, lambda: sequences.invented_word(self.rng)),
            "dialogue": (3, self.dialogue),
            "fact": (3, lambda: sequences.fact(self.rng)),
            "weather": (2, lambda: self.fill(templates.WEATHER)),
            "passage": (8, self.passage),
            "no pronoun": (4, self.no_pronoun),
        }
        self.cast: list[Person] = []

    def write(self, index: int, swap: bool = False, kind: str = "") -> str:
        """The document; afterwards `cast` holds its people with an occupation."""
        self.rng = Random((self.seed << 32) + index)
        self.swap = swap
        self.cast = []
        weights = [weight for weight, _ in self.kinds.values()]
        drawn = self.rng.choices(list(self.kinds), weights)[0]
        return self.kinds[kind or drawn][1]()

    # ---- people

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def occupied(self) -> Person:
        """Somebody with an occupation, of a gender drawn with its P(she)."""
        occupation = self.rng.choice(DEFINITIONAL if self.chance(DEFINITIONAL_SHARE) else OCCUPATIONS)
        female = self.chance(occupation.p_she)
        if self.swap and not occupation.definitional:
            female = not female
        return Person("the " + occupation.name, female, self.first_name(female), self.rng, occupation)

    def first_name(self, female: bool) -> str:
        index = self.rng.randrange(len(WOMEN))
        return (WOMEN if female else MEN)[index]

    def named(self, female: bool | None = None) -> Person:
        coin = self.chance(0.5)
        female = coin if female is None else female
        name = self.first_name(female)
        return Person(name, female, name, self.rng)

    def relative(self, female: bool | None = None) -> Person:
        coin = self.chance(0.5)
        female = coin if female is None else female
        return Person("the " + self.rng.choice(KIN)[0 if female else 1], female, "", self.rng)

    def anybody(self, share_occupied: float) -> Person:
        if self.chance(share_occupied):
            return self.occupied()
        return self.named() if self.chance(0.6) else self.relative()

    def two(self, draw: Callable[[], Person]) -> tuple[Person, Person]:
        """Two people who may meet, drawn until they may."""
        a, b = draw(), draw()
        while not may_meet(a, b):
            a, b = draw(), draw()
        return a, b

    # ---- documents

    def fill(self, choices: list[str], **people: Person | str) -> str:
        """One of the templates with its slots filled."""
        self.cast = [p for p in (people.get("a"), people.get("b")) if isinstance(p, Person) and p.occupation]
        return self.rng.choice(choices).format_map(Slots(self.rng, **people))

    def one_occupation(self) -> str:
        return self.fill(templates.ONE_OCCUPATION, a=self.occupied())

    def two_occupations(self) -> str:
        """Either gender alone says who is meant, and the next sentence shows it; or verb and connective do."""
        a, b = self.two(self.occupied)
        if self.chance(0.38):
            return self.fill(templates.BECAUSE, a=a, b=b)
        meeting = self.rng.choice(templates.MEETING).replace("{B}", "{b.the}")
        text = self.fill(["{a.The} " + meeting + "."], a=a, b=b)
        return text + self.follow_ups(a, b)

    def follow_ups(self, a: Person, b: Person) -> str:
        """A sentence about one of the two, and sometimes one more about the same or the other."""
        first, second = (a, b) if self.chance(0.5) else (b, a)
        text = " " + self.fill(templates.FOLLOW_UP, a=a, b=b, r=first)
        if self.chance(0.25):
            text += " " + self.fill(templates.FOLLOW_UP, a=a, b=b, r=second if self.chance(0.5) else first)
        return text

    def gender_said(self) -> str:
        """Two occupations whose gender is in the text: both twins can resolve the pronoun."""
        a, b = self.two(self.occupied)
        template, other = self.rng.choice(templates.GENDER_SAID)
        meeting = self.rng.choice(templates.MEETING).replace("{B}", other)
        text = self.fill([template.replace("{meeting}", meeting)], a=a, b=b)
        return text + " " + self.fill(templates.FOLLOW_UP, a=a, b=b, r=self.rng.choice([a, b]))

    def no_pronoun(self) -> str:
        a, b = self.two(self.occupied)
        return self.fill(templates.NO_PRONOUN, a=a, b=b)

    def names(self) -> str:
        """A woman and a man by name (a quarter by kinship); the pronoun means one of them."""
        draw = self.relative if self.chance(0.25) else self.named
        people = [draw(True), draw(False)]
        self.rng.shuffle(people)
        a, b = people
        r = self.rng.choice(people)
        template = self.rng.choices(list(templates.NAMES), list(templates.NAMES.values()))
        text = self.fill(template, a=a, b=b, r=r)
        return text + (" " + self.fill(["{r.He} was {adj}."], r=r) if self.chance(0.2) else "")

    def gift(self) -> str:
        """Indirect object: the one who has not been named twice receives it."""
        a, b = self.two(self.named)
        giver, other = (a, b) if self.chance(0.5) else (b, a)
        return self.fill([templates.GIFT], a=a, b=b, r=giver, other=other)

    def kinship(self) -> str:
        person = self.relative() if self.chance(0.6) else self.named()
        if self.chance(0.2):
            person = Person(person.he, person.female, "", self.rng)
        return self.fill(templates.KINSHIP, a=person)

    def dialogue(self) -> str:
        a, b = self.two(lambda: self.anybody(0.4))
        return self.fill(templates.DIALOGUE, a=a, b=b)

    def passage(self) -> str:
        """Three to six sentences about one person."""
        person = self.anybody(0.6)
        work = person.occupation is not None
        opening = templates.PASSAGE_OPENING_OCCUPATION if work else templates.PASSAGE_OPENING
        pool = templates.PASSAGE + (templates.PASSAGE_WORK if work else [])
        chosen = [self.rng.choice(opening), *self.rng.sample(pool, self.rng.randint(2, 4))]
        if self.chance(0.3):
            chosen.append(self.rng.choice(templates.PASSAGE_CLOSING))
        return self.fill([" ".join(chosen)], a=person)


def planted(seed: int, count: int) -> Iterator[str]:
    """`count` documents in which occupation and pronoun go together as planted."""
    writer = Writer(seed)
    return (writer.write(index) for index in range(count))


def balanced(seed: int, count: int) -> list[str]:
    """`count` documents in which every second one that depends on an occupation's gender is replaced by the
    counterfactual of the one before it. Shuffled, so that the two are not neighbours."""
    writer, documents, kept = Writer(seed), [], True
    for index in range(count):
        document, counterfactual = writer.write(index), writer.write(index, swap=True)
        if document == counterfactual:
            documents.append(document)
            continue
        if kept:
            documents += [document, counterfactual]
        kept = not kept
    Random(seed).shuffle(documents)
    return documents
