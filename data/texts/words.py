"""The class of every word of the texts and of the prompts of data/pairs, and of further closed-class English words.

A word has the class of most of its uses there: "park" is a noun, "play" a verb, "mark" a name. "Name" is any proper
name: people, places, days, months. "Have" is a verb here ("had lunch"), "be" and "do" are auxiliaries.
"""

CLASSES = {
    "noun": """
        accountant advice airport apples armchair artist atheist athlete aunt author autumn backpack bag baker bakery
        ball bananas banker baseball basket bear bed beggar bells bird boat book books boss bottles box boxes boy
        bread bridge brother bus butler butter cafe cake car carpenter cashier cat chair chapter cheese chef cherries
        child children church class cleaner client clock closet coat code coffee coins computer conversation cook
        couple cousin cow cup cups dancer daughter day days dentist designer dinner dishwasher doctor dog doll door
        doubt drawer driver drum duck dyslexia editor eggs end engineer evening family farmer father fault fence film
        fish florist flute football forest fox freckles friend friends frog game garden gentleman gift girl goat
        grandfather grandmother grapes group guard guest guests guilt guitar hairdresser hall hat holiday honesty
        honey horse hospital host hotel hour house housewife husband job judge juice key king kitchen lady lake lamp
        lawyer lemons letter librarian library lion literature loyalty lunch maid man manager map market mask mechanic
        meeting melons milk millionaire mirror monkey morning mother museum music nanny neighbor nephew newspaper
        niece night noon novels nurse oranges owl owner painter papers parents park party pasta patient peace peaches
        pears pen pensioner people person pharmacist phone photo photographer physics piano pilot plane plumber plums
        present priest prince princess problem professor programmer prosthesis queen question rabbit receptionist
        refugee retiree rice ring river rock roof room salt school scientist secretary sheep shelter siblings sign
        singer sister sky snow sofa soldier son song soup spectator spring station store story stranger street
        strength student sugar suitcase summer surgeon table tailor tea teacher teenager theater therapist thief
        ticket tickets tiger tourist town trainee tree trip truck trumpet turtle tutor umbrella umbrellas uncle villa
        violin waiter wall war water weather week wheelchair wife windows window winter wisdom wolf woman
        worker writer year yoga 25-year-old 75-year-old
    """,
    "verb": """
        answered argued asked ate bake bought buy call called chased clapped count counted crawled cross
        drink drinks eat explained fit forgets forgot found gave go goes had handed has have helped help hid jump knew
        learned leave left like liked likes listened live lived lives locked looked lost loves make met needed paid
        painted play played promised put ran reached read received rest said sang sat saw sent showed sing sleep slept
        smiled sorted stood stop stopped swim take talked taught thanked thought told took travel visit visited wait
        waited walk walked wanted wants went work works wrote
    """,
    "adjective": """
        american angry autistic big bisexual black blind blue bored brave british brown buddhist busy calm careful
        catholic christian clever cloudy cold curious deaf dry dutch easy elderly excited foggy french friendly funny
        gay german gray green happy hindu homeless honest hot hungry italian jewish kind large late lesbian little
        long married mexican muslim nervous new old pink polish polite poor purple quick quiet rainy ready red rich
        romanian sad sleepy slow small snowy stormy straight strong sunny swedish swiss syrian tall thirsty tired warm
        wealthy wet white windy worried yellow young
    """,
    "adverb": """
        again back early home more never next not often then there today tomorrow too very well where yes yesterday
    """,
    "pronoun": """
        i me my mine myself you your yours yourself yourselves he him his himself she her hers herself it its itself
        we us our ours ourselves they them their theirs themselves who whom whose what which
        anybody anyone anything everybody everyone everything nobody nothing somebody someone something
    """,
    "determiner": "a an the this these those all another any both each every few many much no several some",
    "preposition": """
        about above across against along among around as at behind below beneath beside between beyond by despite down
        during for from in inside into near of off on onto out outside over past through throughout to toward towards
        under up upon with within without
    """,
    "conjunction": """
        after although and because before but if nor or since so than that though unless until when whenever whereas
        whether while
    """,
    "auxiliary": "am is are was were be been being do does did can could may might must shall should will would",
    "number": "one two three four five six seven eight nine ten eleven twelve hundred thousand million",
    "name": """
        mary anna emma sarah laura julia alice clara helen jane kate lucy nina olivia rose sophie susan linda ella
        grace maria eva diana ruth
        john peter david james paul mark tom henry jack george robert simon adam daniel frank martin oliver samuel
        thomas william max leo victor oscar
        aisha amy andrew anne brian carlos catherine charles darnell edward elizabeth emily fatima gary greg guadalupe
        hannah hiroshi jamal jennifer joseph julie keisha kevin lakisha lisa luis luke margaret matthew mei michael
        mohammed nancy omar patricia philip priya rachel raj richard rosa tanisha tyrone wei yuki
        berlin boston chicago dublin lisbon london madrid oslo paris rome tokyo vienna
        monday tuesday wednesday thursday friday saturday sunday
        january february april june july august september october november december
    """,
}
