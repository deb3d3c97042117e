"""How well a name answers what somebody typed: letters in order, better at the starts of words and in a row."""

from difflib import SequenceMatcher

HIT, START, ROW, FIRST = 16, 10, 8, 6
"""Points for a letter found, at the start of a word, right after the one before, at the start of the name."""
WHOLE = 4
"""Points for a name that is nothing but what was typed; for one that is more, its share."""
GAP = 1
"""Points lost for each letter passed over between two that were found."""
ALIKE = 0.75
"""Share of a word's letters that must agree for it to be taken for a slip of the keyboard."""
LONG_ENOUGH = 4
_NONE = -1_000_000


def score(query: str, name: str) -> int | None:
    """Points for `name`, the more the better; None where a word of `query` is not in it. An empty query: 0."""
    words, text = query.casefold().split(), name.casefold()
    found = [_word(word, text) for word in words]
    if any(points is None for points in found):
        return None
    whole = WHOLE * sum(map(len, words)) // max(len(text), 1)
    return whole + sum(points for points in found if points is not None)


def near(query: str, name: str) -> int | None:
    """Points for `name` where every word of `query` resembles one of its words: a letter missing, too many, swapped."""
    words, there = query.casefold().split(), name.casefold().split()
    total = 0.0
    for word in words:
        best = max((SequenceMatcher(None, word, other).ratio() for other in there), default=0.0)
        if len(word) < LONG_ENOUGH or best < ALIKE:
            return None
        total += best
    return round(100 * total) if words else None


def _word(word: str, text: str) -> int | None:
    """The best way to find the letters of `word` in order: dynamic programming, a row a letter of the word."""
    before = [0] * len(text)
    for number, letter in enumerate(word):
        best, ending = _NONE, [_NONE] * len(text)
        for place, there in enumerate(text):
            if number and place:
                best = max(best - GAP, before[place - 1])
            if there != letter:
                continue
            begins = place == 0 or not text[place - 1].isalnum()
            points = HIT + (START if begins else 0) + (FIRST if place == 0 else 0)
            if number == 0:
                ending[place] = points
            elif place and best > _NONE // 2:
                ending[place] = points + max(best, before[place - 1] + ROW)
        before = ending
    points = max(before, default=_NONE)
    return points if points > _NONE // 2 else None
