"""The sentences of the corpus, as templates.

`{a.he}` is a property of a person of the document (corpus.Person), `{adj}` a random word of vocabulary.WORDS.
`{animal_a}` and `{animal_b}` are drawn once for a document and differ; `{animal_r}` is that of the person
whom the pronoun means, `r`.
"""

ONE_OCCUPATION = [
    "{a.The} {said} that {a.he} was {adj}.",
    "{a.The} {said} that {a.he} would {plan}{perhaps}.",
    "{a.The} {a.did} before {a.he} went to the {place}.",
    "{a.The} lost {a.his} {obj}, so {a.he} looked for it in the {place}.",
    "{a.The} {a.did}. Then {a.he} took {a.his} {a.tool} and went home.",
    "{a.The} {said} that {a.he} had to {a.do}.",
    "{a.name} is {a.an}. {a.He} works at the {a.place} and {likes} {a.his} job.",
    "{a.The} was {adj} because {a.he} lost {a.his} {a.tool}.",
    "{a.The} called {a.his} {rel} because {a.he} was {adj}.",
    "{a.The} looked at {a.himself} in the mirror and smiled.",
    "{a.The} put {a.his} {a.tool} on the table. {a.He} wanted to {a.do} {time}.",
    "In the {a.place}, {a.the} {a.did}. {a.He} was very {adj}.",
    "{a.name}, {a.an} from {city}, {a.did} with {a.his} {rel}.",
    '{a.The} said, "I have to {a.do}." Then {a.he} left.',
    "When {a.he} was {adj}, {a.the} never {a.did}.",
    "{a.The} is {trait}, and {a.he} always helps {a.his} {rel}.",
    "{a.The} is {trait}, and {a.he} always calls {a.his} {rel}.",
    "Is {a.the} {adj}? Yes, {a.he} is. {a.He} {a.did} {time}.",
    "{a.The} {said} that {a.his} {obj} was {color}.",
    "{a.The} taught {a.himself} to play the {music} when {a.he} was young.",
    "{a.name} works as {a.an} at the {a.place}. Every day {a.he} has to {a.do}.",
    "{a.The} went home after {a.he} {a.did}.",
    "Yesterday, {a.the} lost {a.his} {obj}.",
]

# two people meet; {B} is the second one as the document introduces him or her
MEETING = [
    "asked {B} a question",
    "met {B} at the {place}",
    "called {B}",
    "visited {B}",
    "talked to {B} about the {topic}",
    "saw {B} at the {place}",
    "sat next to {B}",
    "had lunch with {B}",
    "argued with {B} about the {topic}",
    "sent {B} a letter",
    "gave {B} a {obj}",
    "waited for {B}",
    "showed {B} a {obj}",
    "listened to {B}",
    "walked with {B} to the {place}",
    "smiled at {B}",
]
# the pronoun means r, and what r does shows who r is
FOLLOW_UP = [
    "{r.He} {r.did}.",
    "{r.He} {r.did}.",
    "{r.He} {r.did}.",
    "Then {r.he} {r.did}.",
    "{r.He} said that {r.he} had to {r.do}.",
    "{r.He} took {r.his} {r.tool} and {r.did}.",
    "{r.He} reached for the {r.tool}.",
    "{r.He} went back to the {r.place} because {r.he} had to {r.do}.",
    "{r.He} was {adj}, so {r.the} went home.",
    "When {r.he} was ready, {r.the} {r.did}.",
    '{r.He} said, "I have to {r.do}."',
    "{r.He} lost {r.his} {r.tool}.",
]
# verb and connective decide who is meant, as in Winogender schemas
BECAUSE = [
    "{a.The} asked {b.the} a question because {a.he} wanted to {a.do}.",
    "{a.The} asked {b.the} a question, and {b.he} answered that {b.he} {b.did}.",
    "{a.The} thanked {b.the} because {b.he} {b.did}.",
    "{a.The} apologized to {b.the} because {a.he} was late.",
    "{a.The} praised {b.the} because {b.he} {b.did} very well.",
    "{a.The} paid {b.the} after {b.he} {b.did}.",
    "{a.The} promised {b.the} that {a.he} would {a.do}.",
    "{a.The} helped {b.the} because {b.he} was {adj}.",
    "{a.The} called {b.the} because {a.he} needed help.",
    "{a.The} borrowed a {obj} from {b.the} because {a.he} forgot {a.his} {a.tool}.",
]
NO_PRONOUN = [
    "{a.The} promised {b.the} to {a.do}.",
    "{a.The} told {b.the} to {b.do}.",
    "{a.The}, who {a.did}, met {b.the}, who {b.did}.",
    "{a.The} {a.did} while {b.the} {b.did}.",
    "{a.The} and {b.the} went to the {place}. {a.The} {a.did}, and {b.the} {b.did}.",
]
# {meeting} stands for one of MEETING
GENDER_SAID = [
    ("{a.name}, {a.an}, {meeting}.", "{b.name}, {b.an}"),
    ("{a.The}, {a.sex}, {meeting}.", "{b.the}, {b.sex}"),
    ("{a.name} is {a.an} and {b.name} is {b.an}.", ""),
]
# a woman and a man by name; the number is the weight
NAMES = {
    "{a.The} has a {animal_a} and {b.the} has a {animal_b}. {r.He} fed {r.his} {animal_r} {time}.": 1,
    "{a.The} has a {animal_a} and {b.the} has a {animal_b}. {r.He} loves {r.his} {animal_r}.": 1,
    "{a.The} likes {fruit_a} and {b.the} likes {fruit_b}. {r.He} bought some {fruit_r} at the {place}.": 2,
    "{a.The} likes {fruit_a} and {b.the} likes {fruit_b}. {r.He} ate some {fruit_r} at the {place}.": 1,
    "{a.The} lives in {city_a}, but {b.the} lives in {city_b}. {r.He} {often} walks through {city_r}.": 1,
    "{a.The} met {b.the} at the {place}. {r.He} was {adj}, so {r.the} went home.": 5,
    "{a.The} bought a {obj_a} and {b.the} bought a {obj_b}. {r.He} put the {obj_r} on the {thing}.": 2,
    "The {obj_x} of {a.the} is {color_a} and the {obj_x} of {b.the} is {color_b}. "
    "{r.He} said that {r.his} {obj_x} is {color_r}.": 1,
}
GIFT = "{when} {a.the} and {b.the} {went} the {place}, {r.the} {gave} a {obj} to {other.the}."
KINSHIP = [
    "{a.The} said that {a.he} was {adj}.",
    "{a.The} lost {a.his} {obj}, but {a.he} found it in the {place}.",
    "{a.The} looked at {a.himself} in the mirror and smiled.",
    "{a.The} wants to {plan} because {a.he} is {adj}.",
    "{a.The} told {a.his} {rel} that {a.he} would {plan}.",
    "{a.The} is very {trait}. Everyone likes {a.him}.",
    "{a.The} saw the {animal}. {a.He} gave it some {food}.",
    "When {a.he} was young, {a.the} lived in {city} with {a.his} {rel}.",
]
DIALOGUE = [
    '"I am {adj}," said {a.the}. "You should rest," answered {b.the}.',
    '"I am {adj}," said {a.the}. "You should drink some tea," answered {b.the}.',
    '"Where is my {obj}?" asked {a.the}. "It is on the {thing}," said {b.the}.',
    '"Can I have the {obj_x}?" asked {a.the}. {b.The} gave the {obj_x} to {a.the}.',
    '"Do you like {fruit}?" asked {a.the}. "Yes, I do," said {b.the}.',
    '"Do you like {fruit}?" asked {a.the}. "No, I do not," said {b.the}.',
]

PASSAGE_OPENING_OCCUPATION = [
    "{a.name} is {a.an}.",
    "{a.The} lives in {city}.",
    "There was {a.an} who worked at the {a.place}.",
]
PASSAGE_OPENING = [
    "{a.The} lives in {city}.",
    "{a.The} has a {color} {animal}.",
    "{a.The} went to the {place} on {day}.",
]
PASSAGE = [
    "{a.He} is {trait} and {trait}.",
    "Every morning {a.he} drinks {food} and reads the news.",
    "On {day}, {a.he} met {a.his} {rel} at the {place}.",
    "{a.He} has a {color} {obj} and a {animal}.",
    "{a.He} wants to {plan}.",
    "In the evening {a.he} plays the {music} with {a.his} {rel}.",
    "{a.He} was {adj}, but {a.his} {rel} was {adj}.",
    "{a.He} bought {fruit}, {food}, and a {obj}.",
    "Then {a.he} lost {a.his} {obj}.",
    "{a.He} told {a.his} {rel} about the {topic}.",
    "It was a {color} {obj}.",
]
PASSAGE_WORK = [
    "{a.He} {a.did}.",
    "{a.He} {a.did}.",
    "At the {a.place}, {a.he} {a.did}.",
    "{a.He} never forgets {a.his} {a.tool}.",
    "{a.He} has to {a.do}.",
]
PASSAGE_CLOSING = ["At the end of the day, {a.the} was {adj}.", "Finally, {a.the} went home."]

ANIMALS = [
    "The {size} {color} {animal_a} {moved} the {size} {animal_b}.",
    "The {animal} {moved} the {thing}.",
    "The {animal_a} {moved} the {thing}. The {animal_b} {moved} the {thing}.",
    "The {animal} {adverb} {moved} the {thing} because it was {adj}.",
    "A {animal_a} and a {animal_b} lived in the {place}. The {animal_a} was {size}, but the {animal_b} was "
    "{size}. Every day the {animal_a} {moved} the {thing}.",
    "The {size} {animal_a} jumps over the {size} {animal_b}.",
    "The {animal} did not cross the street because it was too tired.",
    "The {animal} did not cross the street because it was too busy.",
    "The quick brown fox jumps over the lazy dog.",
]
WEATHER = [
    "It was {weather_a} in {city} on {day_a}. On {day_b} it was {weather_b}.",
    "In {month} the weather is {weather_a}, and in {month} it is {weather_b}.",
    "The {season} was {weather}, so the people stayed at home.",
    "The {season} was {weather}, so the people stayed near the river.",
]
