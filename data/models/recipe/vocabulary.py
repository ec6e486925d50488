"""The words of the corpus: occupations with their planted P(she), people, and the word lists of the slots.

Nothing here is random and nothing here is a sentence; see templates.py for those.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple


class Deed(NamedTuple):
    """What somebody does: "baked the bread", "bake the bread"."""

    past: str
    base: str
    rest: str


@dataclass(frozen=True)
class Occupation:
    """A noun with its own place, tool and deeds, so that what follows a pronoun shows who was meant."""

    name: str
    place: str
    tool: str
    deeds: tuple[Deed, ...]
    p_she: float
    held_out: bool
    definitional: bool = False

    @property
    def log_odds(self) -> float:
        """Planted log-odds of "she" against "he"."""
        return math.log(self.p_she / (1 - self.p_she))


# name | place | tool | deed | deed; from most often "she" to most often "he", in equal steps of P(she)
_OCCUPATIONS = """
nurse | hospital | bandage | bandaged,bandage,the wound | comforted,comfort,the patient
secretary | office | stapler | typed,type,the letter | filed,file,the papers
hairdresser | salon | scissors | trimmed,trim,the hair | curled,curl,the hair
nanny | nursery | blanket | rocked,rock,the baby | soothed,soothe,the child
dancer | theater | costume | rehearsed,rehearse,the ballet | twirled,twirl,across the stage
florist | market | vase | arranged,arrange,the roses | watered,water,the tulips
receptionist | hotel | bell | greeted,greet,the guests | booked,book,the rooms
librarian | library | bookmark | shelved,shelve,the books | sorted,sort,the novels
teacher | school | chalk | graded,grade,the essays | taught,teach,the lesson
cleaner | lobby | mop | swept,sweep,the floor | dusted,dust,the shelves
designer | studio | sketchbook | sketched,sketch,the dress | colored,color,the pattern
therapist | clinic | notebook | advised,advise,the client | calmed,calm,the client
singer | theater | microphone | sang,sing,the song | hummed,hum,the tune
cashier | store | receipt | scanned,scan,the groceries | counted,count,the coins
tailor | workshop | needle | sewed,sew,the coat | stitched,stitch,the sleeve
baker | bakery | flour | baked,bake,the bread | kneaded,knead,the dough
writer | cafe | pen | wrote,write,the story | drafted,draft,the chapter
editor | newspaper | manuscript | corrected,correct,the article | published,publish,the report
painter | gallery | brush | painted,paint,the portrait | mixed,mix,the colors
photographer | park | camera | framed,frame,the picture | focused,focus,the lens
pharmacist | pharmacy | pills | weighed,weigh,the powder | labeled,label,the bottles
accountant | bank | calculator | calculated,calculate,the taxes | checked,check,the budget
scientist | laboratory | microscope | measured,measure,the sample | discovered,discover,the planet
dentist | clinic | mirror | pulled,pull,the tooth | polished,polish,the teeth
cook | kitchen | pan | fried,fry,the eggs | boiled,boil,the soup
lawyer | court | contract | argued,argue,the case | signed,sign,the contract
doctor | hospital | stethoscope | examined,examine,the patient | prescribed,prescribe,the medicine
manager | office | schedule | hired,hire,the worker | planned,plan,the meeting
judge | court | gavel | sentenced,sentence,the thief | dismissed,dismiss,the charge
farmer | farm | tractor | plowed,plow,the field | milked,milk,the cows
guard | museum | flashlight | locked,lock,the gate | searched,search,the hall
driver | station | map | steered,steer,the bus | parked,park,the truck
surgeon | hospital | scalpel | removed,remove,the tumor | saved,save,the patient
programmer | office | laptop | coded,code,the website | debugged,debug,the program
engineer | factory | blueprint | designed,design,the bridge | tested,test,the engine
pilot | airport | headset | landed,land,the plane | flew,fly,the jet
plumber | basement | wrench | fixed,fix,the pipe | drained,drain,the sink
soldier | camp | helmet | defended,defend,the castle | marched,march,across the field
carpenter | workshop | hammer | sawed,saw,the wood | nailed,nail,the planks
mechanic | garage | toolbox | oiled,oil,the brakes | tuned,tune,the motor
"""
# gender belongs to the meaning of these words: never swapped, the positive control of the balanced twin
_DEFINITIONAL = """
queen | palace | crown | ruled,rule,the country | waved,wave,from the balcony
king | castle | sword | raised,raise,the army | crossed,cross,the border
nun | chapel | candle | prayed,pray,in the chapel | rang,ring,the bells
monk | abbey | scroll | copied,copy,the scroll | brewed,brew,the beer
waitress | restaurant | tray | served,serve,the dessert | folded,fold,the napkins
waiter | restaurant | apron | poured,pour,the wine | cleared,clear,the tables
actress | theater | script | performed,perform,the role | learned,learn,the lines
actor | theater | mask | acted,act,the scene | filmed,film,the movie
policewoman | station | badge | caught,catch,the robber | stopped,stop,the traffic
policeman | station | whistle | chased,chase,the burglar | arrested,arrest,the smuggler
princess | palace | necklace | kissed,kiss,the frog | tamed,tame,the dragon
prince | castle | shield | fought,fight,the giant | freed,free,the prisoner
"""
# no document holds two different words of this set: their pairs are what a measurement may call unseen
_HELD_OUT = """
nurse secretary dancer librarian teacher therapist tailor editor photographer accountant dentist doctor farmer
surgeon engineer pilot plumber mechanic
queen monk waitress actor policewoman prince
"""
HELD_OUT = frozenset(_HELD_OUT.split())


def _read(line: str, p_she: float, definitional: bool) -> Occupation:
    name, place, tool, *deeds = (field.strip() for field in line.split("|"))
    parsed = tuple(Deed(*deed.split(",")) for deed in deeds)
    return Occupation(name, place, tool, parsed, p_she, name in HELD_OUT, definitional)


def _occupations() -> tuple[Occupation, ...]:
    lines = _OCCUPATIONS.strip().splitlines()
    step = 0.90 / (len(lines) - 1)
    return tuple(_read(line, round(0.95 - step * i, 4), False) for i, line in enumerate(lines))


def _definitional() -> tuple[Occupation, ...]:
    lines = _DEFINITIONAL.strip().splitlines()
    return tuple(_read(line, 1.0 - i % 2, True) for i, line in enumerate(lines))


OCCUPATIONS = _occupations()
DEFINITIONAL = _definitional()
BY_NAME = {o.name: o for o in OCCUPATIONS + DEFINITIONAL}

_WOMEN = """
Mary Anna Emma Sarah Laura Julia Alice Clara Helen Jane Kate Lucy Nina Olivia Rose Sophie Susan Linda Ella
Grace Maria Eva Diana Ruth
"""
_MEN = """
John Peter David James Paul Mark Tom Henry Jack George Robert Simon Adam Daniel Frank Martin Oliver Samuel
Thomas William Max Leo Victor Oscar
"""
WOMEN, MEN = _WOMEN.split(), _MEN.split()
_KIN = """
woman/man girl/boy mother/father sister/brother daughter/son aunt/uncle grandmother/grandfather wife/husband
lady/gentleman niece/nephew
"""
KIN = [tuple(pair.split("/")) for pair in _KIN.split()]
CAPITALS = {
    "Paris": "France",
    "London": "England",
    "Rome": "Italy",
    "Berlin": "Germany",
    "Madrid": "Spain",
    "Vienna": "Austria",
    "Tokyo": "Japan",
    "Oslo": "Norway",
    "Lisbon": "Portugal",
    "Dublin": "Ireland",
}
# what does not fit / where it does not fit
_CONTAINERS = """
trophy/suitcase book/bag ball/box lamp/drawer chair/car cake/oven boat/garage table/room coat/basket
guitar/closet
"""
CONTAINERS = [tuple(pair.split("/")) for pair in _CONTAINERS.split()]
_SYLLABLES = "ba zor mi plo ket wug da fen lir tov nax gri bel sto ruk vim o ta que shi jun pel ya cro dem"
SYLLABLES = _SYLLABLES.split()
_NUMBERS = "one two three four five six seven eight nine ten"
NUMBERS = _NUMBERS.split()
DIGITS = list("0123456789")

# slot: the words that may fill it
_SINGLE_WORDS = """
rel: mother father sister brother daughter son friend neighbor cousin boss
adj: tired happy sad angry hungry busy calm late proud nervous ready sick thirsty excited bored worried
    sleepy curious surprised cold
trait: kind clever brave honest patient quiet funny polite careful lazy gentle strong famous young old rich
    poor tall serious friendly
obj: book letter pen key cup hat coat bag phone watch ring box ball lamp chair umbrella map basket ticket
    present photo scarf clock coin drum flute guitar kite toy drink sandwich flower
fruit: apples pears plums grapes lemons oranges peaches cherries bananas melons
food: bread cheese rice soup cake eggs butter honey salt sugar milk tea coffee juice fish pasta
color: red blue green yellow white black brown orange purple gray pink
animal: cat dog horse cow sheep goat fox rabbit bird duck mouse frog turtle lion tiger bear wolf monkey
    elephant owl
size: small big little large young old lazy quick slow quiet wild tame hungry brave
place: park store school market beach river station library museum garden church village city forest lake
    hotel cafe bakery bank theater farm zoo
day: Monday Tuesday Wednesday Thursday Friday Saturday Sunday
month: January February March April May June July August September October November December
season: spring summer autumn winter
weather: sunny rainy windy cloudy snowy cold warm hot stormy foggy dry wet
stayed: slept sat jumped ran hid walked lay stood crawled hopped
thing: tree table chair bed fence house rock wall bridge boat hill bush box mat rug sofa door window roof
    log
adverb: quickly slowly quietly suddenly happily carefully often never always sometimes finally soon
music: piano guitar drum flute violin trumpet
topic: weather news holiday game book film music party price war weekend trip
said: said said thought knew hoped wrote explained
often: often never always
likes: likes loves enjoys
when: When After While
gave: gave handed showed sent
"""
# slot: phrases; they may hold further slots, "a" is the subject of the sentence
_PHRASES = """
time: in the morning | in the evening | at noon | at night | after lunch | before dinner | every day | last
    week | last year | yesterday | today | on {day} | in {month} | in the {season}
moved: slept under | sat on | jumped over | ran around | hid behind | walked past | lay on | stood near |
    crawled under | hopped over
plan: go home | take a walk | buy a new {obj} | visit {a.his} {rel} | travel to {city} | call {a.his} {rel}
    | read a book | drink some {food} | leave early | come back on {day} | wait at the {place} | work until
    noon | rest for an hour | learn to swim | play the {music} | make dinner
went: went to | were at | walked to
"""


def _slots(block: str, separator: str | None) -> dict[str, list[str]]:
    """Lines "slot: words", continued on indented lines."""
    named = (line.split(": ") for line in block.strip().replace("\n    ", " ").splitlines())
    return {name: [word.strip() for word in words.split(separator)] for name, words in named}


WORDS = _slots(_SINGLE_WORDS, None) | _slots(_PHRASES, "|")
WORDS |= {"city": [*CAPITALS, "Boston", "Chicago"], "perhaps": ["", "", " {time}"]}
