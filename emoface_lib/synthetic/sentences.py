"""What the embedded corpus says: sentences of our own, disjoint for train and test.

They are neutral in content, so that only voice and face tell the emotion, and full of
sounds that lips show: p b m, f v, w and rounded vowels.
"""

from itertools import product
from typing import Literal

import numpy as np

SentenceSplit = Literal["train", "test"]

WRITTEN = (
    "We moved the piano up five flights of stairs.",
    "My brother bought a new pair of brown boots.",
    "The bus will stop in front of the museum.",
    "Would you open the window for a moment?",
    "Pam baked a plum pie before the meeting.",
    "I found the broken phone under the sofa.",
    "The mayor walked home along the river bank.",
    "People from five villages came to the market.",
    "Our boat moves slowly past the old bridge.",
    "Bob and Mary feed the pigeons every Monday.",
    "The woman who works above us plays the flute.",
    "Put the blue bowl back above the oven.",
    "They have sold the farm behind the woods.",
    "A fox ran over the path and off the wall.",
    "Move the table a bit more towards the wall.",
    "Few people know who built the village hall.",
    "He told me that the film begins at five.",
    "The baby woke up when the phone rang.",
    "We bought four tomatoes and a pound of beef.",
    "You may leave your bag beside my coat.",
    "The map shows every footpath up the mountain.",
    "Water was dripping from the roof of the porch.",
    "She wrote both poems on a piece of paper.",
    "The moon came up above the quiet bay.",
    "My mother remembers the names of all our pupils.",
    "Somebody has moved my umbrella from the bench.",
    "The new boy wants to be a famous painter.",
    "Five of us will meet you by the fountain.",
    "I must have left my wallet on the boat.",
    "The bakery opens before the post office does.",
    "Please wrap the wooden box in brown paper.",
    "His uncle repairs old organs and pianos.",
    "The film about wolves was shown on Wednesday.",
    "We followed the footprints up to the cave.",
    "Both maps were wrong about the swamp.",
    "The boss will phone you before noon.",
    "Give the puppy a bowl of warm water.",
    "My room looks over the village pond.",
    "A white van was waiting in front of the bank.",
    "Maybe we could move the meeting to Monday.",
    "The cook put far too much pepper in the soup.",
    "There were two empty bottles on the window sill.",
    "Whoever wants some pie should bring a fork.",
    "The wind blew my paper off the bench.",
    "We woke up early and drove to the beach.",
    "The farmer's wife showed us the smaller barn.",
    "Tom would prefer a room above the bakery.",
    "I have to buy some butter and a few plums.",
    "The bells ring before every evening prayer.",
    "Nobody has watered the roses for a week.",
    "The book fell off the shelf by itself.",
    "Her parents moved here from a bigger town.",
    "You will find the broom behind the front door.",
    "The pilot saw a low cloud above the bay.",
    "Most of our apples went to the school.",
    "We put a warm blanket over the puppy.",
    "The old pump behind the house is broken.",
    "My neighbour grows beans, plums and mushrooms.",
    "The train for Oxford leaves from platform four.",
    "He has been wearing the same blue pullover.",
    "The whole team took a vote about the move.",
    "Would five o'clock be too early for you?",
    "Two women were painting the fence by the road.",
    "I forgot to move the cups off the piano.",
    "The museum bought a small bronze horse.",
    "We could hear the waterfall from the village.",
    "She used up all the oil for the lamp.",
    "The path through the woods may be flooded.",
    "My father was born above a small bookshop.",
    "Have you ever been to the summer fair?",
    "The bottom of the pan has burned a bit.",
    "Wait for me at the top of the staircase.",
    "We will need more wood for the fire.",
    "The teacher gave both pupils a new book.",
    "A bee flew over the flowers and away.",
    "The group from Rome is waiting by the bus.",
    "Most bears avoid the smoke of a fire.",
    "My aunt prefers white roses to blue ones.",
    "He put the violin back into the box.",
    "The whole room smelled of coffee and wood.",
    "The weather will improve before the weekend.",
    "We were told to come by boat or by bus.",
    "There is a puddle in front of the pharmacy.",
    "The man with the beard owns both shops.",
    "She followed the river up to the old mill.",
    "I would move the lamp away from the wall.",
    "The pump broke down in the middle of May.",
    "Five brown mushrooms grew beneath the birch.",
    "Our boots were full of mud and water.",
    "Open the book at page forty five, please.",
    "The ferry moves off as soon as we are aboard.",
    "A new roof was put on the village school.",
    "My brother would know where the map is.",
    "Both of the windows have to be replaced.",
    "The whole family met for a bowl of soup.",
    "You should move before the tide comes up.",
    "Paul must have borrowed my yellow bicycle.",
    "The parcel from Bombay came on Wednesday.",
    "We have never seen so many people in here.",
    "The wolf in the story was afraid of fire.",
    "I would be happy to move to a smaller room.",
    "Put a few more plums into the bowl.",
    "The painter mixed blue and yellow on a board.",
    "Her voice came from behind the heavy door.",
    "The team bus was parked above the harbour.",
    "A blue balloon was floating over the park.",
)

SUBJECTS = (
    "my brother",
    "the farmer",
    "our neighbour",
    "a young woman",
    "the bus driver",
    "your father",
    "the whole team",
    "a famous painter",
    "the mayor",
    "everybody",
    "her best friend",
    "the woman upstairs",
)
PREDICATES = (
    "has moved the piano",
    "will open the museum",
    "was watching the boats",
    "bought a few books",
    "found the wooden box",
    "wants a bowl of soup",
    "phoned the post office",
    "could hear the water",
    "put up a new fence",
    "followed the footpath",
    "wrote a poem about love",
    "painted both windows",
    "brought some warm bread",
    "began to move furniture",
    "took five of the apples",
    "waved a blue umbrella",
)
CIRCUMSTANCES = (
    "before the meeting",
    "in front of the bank",
    "for the first time",
    "above the village",
    "on a warm evening",
    "by the old bridge",
    "without any help",
    "at half past five",
    "during the summer",
    "because of the weather",
)


def _composed() -> tuple[str, ...]:
    """All sentences of the grammar: subject, predicate, circumstance."""
    parts = product(SUBJECTS, PREDICATES, CIRCUMSTANCES)
    return tuple(f"{s[0].upper()}{s[1:]} {p} {c}." for s, p, c in parts)


def sentences(split: SentenceSplit) -> tuple[str, ...]:
    """Every sentence of a split; no sentence belongs to both."""
    both = WRITTEN + _composed()
    test = split == "test"
    # 3 of 11: prime to the grammar's sizes, so that both splits have every word of it
    return tuple(s for i, s in enumerate(both) if (i * 7 % 11 < 3) == test)


def draw_sentences(
    split: SentenceSplit, count: int, rng: np.random.Generator
) -> list[str]:
    """Draw `count` different sentences, written and composed ones alike often."""
    pool = sentences(split)
    written = sum(sentence in WRITTEN for sentence in pool)
    weight = np.full(len(pool), 0.5 / (len(pool) - written))
    weight[:written] = 0.5 / written
    picks = rng.choice(len(pool), count, replace=False, p=weight / weight.sum())
    return [pool[i] for i in picks]
