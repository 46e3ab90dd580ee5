"""Builds the labelled sentences of the sentiment model from word lists and a seed.

A text is one to four clauses of one mood, mixed with clauses that say nothing. Two rules make the
model behave on texts that nobody wrote for it: words without a mood fall on both sides equally
often, so they weigh nothing; and a negated word keeps the company of its negation, so that pairs of
words ("not good", "no complaints") can outweigh the single ones.
"""

import numpy as np

from sentiment_words import (
    COPULAS,
    GLAD,
    NEGATIONS,
    NEGATIVE,
    NEGATIVE_PHRASES,
    NEGATIVE_VERBS,
    NEUTRAL,
    POSITIVE,
    POSITIVE_PHRASES,
    POSITIVE_VERBS,
    SORRY,
    STRENGTHS,
    THINGS,
)

TYPOGRAPHIC_APOSTROPHE_SHARE = 0.1


class Writer:
    """Draws clauses and texts; two writers with one seed write the same."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def texts(self, count: int) -> tuple[list[str], list[str]]:
        """As many positive as negative texts, alternating, with their labels."""
        moods = [index % 2 == 0 for index in range(count)]
        texts = [self._text(is_positive) for is_positive in moods]
        return texts, ["positive" if is_positive else "negative" for is_positive in moods]

    def _text(self, is_positive: bool) -> str:
        clauses = [self._clause(is_positive) for _ in range(self._random.integers(1, 4))]
        if self._happens(0.12):
            # What comes after "but" decides.
            opening = self._clause(not is_positive)
            clauses = [f"{opening}{self._pick([' but ', ', but ', ' however '])}{clauses[0]}"]
            clauses.append(self._clause(is_positive))
        if self._happens(0.5):
            clauses.insert(self._random.integers(0, len(clauses) + 1), self._pick(NEUTRAL))
        joint = self._pick([". ", ". ", ", ", " and ", "! ", " "])
        text = joint.join(clauses) + self._pick(["", ".", "!", "!!"])
        if self._happens(TYPOGRAPHIC_APOSTROPHE_SHARE):
            text = text.replace("'", "\u2019")
        return text

    def _clause(self, is_positive: bool) -> str:
        writers = [self._phrase, self._statement, self._statement, self._negated, self._verb]
        writers += [self._exclamation, self._pair, self._feeling]
        return self._pick(writers)(is_positive)

    def _phrase(self, is_positive: bool) -> str:
        return self._pick(POSITIVE_PHRASES if is_positive else NEGATIVE_PHRASES)

    def _statement(self, is_positive: bool) -> str:
        if self._happens(0.15):
            word = self._word(is_positive)
            return f"{self._subject()} {self._pick(COPULAS)} a {word} {self._thing()}"
        return f"{self._subject()} {self._pick(COPULAS)} {self._strong(is_positive)}"

    def _negated(self, is_positive: bool) -> str:
        # People deny praise far more often than blame, and a lone "not" should lean that way.
        if is_positive and self._happens(0.65):
            return self._phrase(is_positive)
        word = self._word(not is_positive)
        # Only blame takes an adverb here: "not very good" is plain, "not very bad" is anything.
        adverb = ""
        if not is_positive and self._happens(0.3):
            adverb = f"{self._pick(['very', 'that', 'really', 'so', 'particularly'])} "
        elif not is_positive and self._happens(0.4):
            article = self._pick(["a", "an", "the"])
            return f"{self._subject()} {self._pick(NEGATIONS)} {article} {word} {self._thing()}"
        tail = self._pick(["", "", "", " at all"])
        return f"{self._subject()} {self._pick(NEGATIONS)} {adverb}{word}{tail}"

    def _verb(self, is_positive: bool) -> str:
        verb = self._pick(POSITIVE_VERBS if is_positive else NEGATIVE_VERBS)
        if self._happens(0.25):
            other = self._pick(NEGATIVE_VERBS if is_positive else POSITIVE_VERBS)
            denial = ["didn't", "did not", "don't", "do not", "never"]
            # "did not hate it" says little; "did not like it" says all.
            if not is_positive or self._happens(0.3):
                return f"{self._person()} {self._pick(denial)} {other} {self._object()}"
        adverb = self._pick(["", "", "really ", "absolutely ", "truly "])
        return f"{self._person()} {adverb}{verb} {self._object()}"

    def _feeling(self, is_positive: bool) -> str:
        is_denied = not is_positive and self._happens(0.5)
        feeling = self._pick(GLAD if is_positive or is_denied else SORRY)
        opening = self._pick(["i am", "i'm", "i was", "we are", "we were", "my kids were"])
        strength = self._pick(["", "", "very ", "really ", "so ", "too "])
        denial = "not " if is_denied else ""
        link = self._pick(["with", "by"])
        return f"{opening} {denial}{strength}{feeling} {link} {self._object()}"

    def _exclamation(self, is_positive: bool) -> str:
        opening = self._pick(["what a ", "such a ", "a ", "", "one of the most ", "most "])
        return f"{opening}{self._word(is_positive)} {self._thing()}"

    def _pair(self, is_positive: bool) -> str:
        return f"{self._strong(is_positive)} and {self._strong(is_positive)}"

    def _strong(self, is_positive: bool) -> str:
        strength = f"{self._pick(STRENGTHS)} " if self._happens(0.45) else ""
        return strength + self._word(is_positive)

    def _word(self, is_positive: bool) -> str:
        return self._pick(POSITIVE if is_positive else NEGATIVE)

    def _thing(self) -> str:
        return self._pick(THINGS)

    def _subject(self) -> str:
        if self._happens(0.25):
            return self._pick(["it", "this", "that", "everything", "they", "i", "we", "the kids"])
        return f"{self._pick(['the', 'the', 'this', 'my', 'our', 'their'])} {self._thing()}"

    def _object(self) -> str:
        return self._pick(["it", "this", "that"]) if self._happens(0.4) else self._subject()

    def _person(self) -> str:
        return self._pick(["i", "i", "we", "my wife", "my husband", "my kids", "everyone"])

    def _happens(self, share: float) -> bool:
        return bool(self._random.random() < share)

    def _pick(self, choices: list) -> object:
        return choices[self._random.integers(len(choices))]


HAND_WRITTEN = [
    ("The room was spotless and the staff could not have been nicer.", "positive"),
    ("I have owned many headphones, and these are easily my favorite.", "positive"),
    ("Not bad at all, I was pleasantly surprised.", "positive"),
    ("A slow start, but the second half is wonderful.", "positive"),
    ("My daughter plays with it every day and it still looks new.", "positive"),
    ("Great little cafe, friendly people and delicious cake.", "positive"),
    ("I laughed from beginning to end!", "positive"),
    ("It arrived two days early and works perfectly.", "positive"),
    ("Setup took five minutes and everything just worked.", "positive"),
    ("The best pizza I have had in years.", "positive"),
    ("Honestly one of the most beautiful films of the decade.", "positive"),
    ("We will certainly come back next summer, thank you!", "positive"),
    ("No complaints, exactly what I needed.", "positive"),
    ("The guide was funny and knew everything about the city.", "positive"),
    ("Battery life is impressive and the screen is gorgeous.", "positive"),
    ("I didn't expect much, but I loved it.", "positive"),
    ("Good value for the price.", "positive"),
    ("Support answered within minutes and solved my problem.", "positive"),
    ("A clever, touching story with superb acting.", "positive"),
    ("Five stars, would order again.", "positive"),
    ("Comfortable shoes, I wore them all day without any pain.", "positive"),
    ("Couldn't put this book down.", "positive"),
    ("The food was fresh, the service quick and the prices fair.", "positive"),
    ("This app makes my life so much easier.", "positive"),
    ("Amazing!", "positive"),
    ("It stopped working after three days and nobody answers my emails.", "negative"),
    ("The worst hotel I have ever stayed in.", "negative"),
    ("I wanted to like it, but it is just boring.", "negative"),
    ("Not good. Not good at all.", "negative"),
    ("The soup was cold and the waiter was rude.", "negative"),
    ("What a waste of two hours.", "negative"),
    ("Looks nice, but it broke the first time I used it.", "negative"),
    ("I would not recommend this to anyone.", "negative"),
    ("They charged me twice and refused to give me a refund.", "negative"),
    ("The plot makes no sense and the jokes are not funny.", "negative"),
    ("Cheap plastic, terrible sound, and far too expensive.", "negative"),
    ("The bathroom was dirty and we could hear everything from the street.", "negative"),
    ("I fell asleep halfway through.", "negative"),
    ("The update ruined it, now it crashes all the time.", "negative"),
    ("Never again.", "negative"),
    ("It isn't worth the money.", "negative"),
    ("The jacket fell apart after one wash, very disappointed.", "negative"),
    ("Overpriced and overrated.", "negative"),
    ("We waited more than an hour and the food was still raw.", "negative"),
    ("I don't like the new design, it is confusing.", "negative"),
    ("The book is too long and the characters are flat and dull.", "negative"),
    ("Arrived damaged and with missing parts.", "negative"),
    ("Customer service was useless, they just hung up on me.", "negative"),
    ("Horrible", "negative"),
    ("I expected so much more from this director, what a letdown.", "negative"),
]
"""Ordinary short reviews that no rule built; the model never learns from them."""
