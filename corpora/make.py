"""Write the corpora of Elman (1990), whose best possible losses are known: `python corpora/make.py`.

Each generator takes an rng and returns the text, without its last line end. Each floor is the entropy of that
source in bits per character: what a perfect model scores on average, and what no model beats for long.

Source: J. L. Elman (1990), "Finding structure in time", Cognitive Science 14, 179-211.
"""

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")

SYLLABLES = ("ba", "dii", "guuu")

# Fifteen words: the fourteen of the text that the paper shows, and one of our choice. With its six letters
# the mean length, 59/15 = 3.93 letters, comes nearest to the paper's 4,963 letters / 1,270 words = 3.91.
SHOWN = "many years ago a boy and girl lived by the sea they played happily"
WORDS = (*SHOWN.split(), "always")

# The paper gives examples for each category, which make 21 of its 29 words. The other eight are leaves of its
# figure 7 without a category: boy car dog exist girl like lion sandwich. Their places here are our reading:
# lion is an aggressor, as dragon and monster are; exist takes no object; like takes one, as see and chase do.
CATEGORIES = {
    "NOUN-HUM": ("man", "woman", "boy", "girl"),
    "NOUN-ANIM": ("cat", "mouse", "dog"),
    "NOUN-INANIM": ("book", "rock", "car"),
    "NOUN-AGRESS": ("dragon", "monster", "lion"),
    "NOUN-FRAG": ("glass", "plate"),
    "NOUN-FOOD": ("cookie", "bread", "sandwich"),
    "VERB-INTRAN": ("think", "sleep", "exist"),
    "VERB-TRAN": ("see", "chase", "like"),
    "VERB-AGPAT": ("move", "break"),
    "VERB-PERCEPT": ("smell", "see"),
    "VERB-DESTROY": ("break", "smash"),
    "VERB-EAT": ("eat",),
}

TEMPLATES = (
    ("NOUN-HUM", "VERB-EAT", "NOUN-FOOD"),
    ("NOUN-HUM", "VERB-PERCEPT", "NOUN-INANIM"),
    ("NOUN-HUM", "VERB-DESTROY", "NOUN-FRAG"),
    ("NOUN-HUM", "VERB-INTRAN"),
    ("NOUN-HUM", "VERB-TRAN", "NOUN-HUM"),
    ("NOUN-HUM", "VERB-AGPAT", "NOUN-INANIM"),
    ("NOUN-HUM", "VERB-AGPAT"),
    ("NOUN-ANIM", "VERB-EAT", "NOUN-FOOD"),
    ("NOUN-ANIM", "VERB-TRAN", "NOUN-ANIM"),
    ("NOUN-ANIM", "VERB-AGPAT", "NOUN-INANIM"),
    ("NOUN-ANIM", "VERB-AGPAT"),
    ("NOUN-INANIM", "VERB-AGPAT"),
    ("NOUN-AGRESS", "VERB-DESTROY", "NOUN-FRAG"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-HUM"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-ANIM"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-FOOD"),
)


def draw(rng: Random, items: Sequence[Item]) -> Item:
    """One of the items, uniformly."""
    # Python promises the same stream of random() in every version, but not of choice or randrange.
    return items[int(rng.random() * len(items))]


def xor(rng: Random, triples: int = 1000) -> str:
    """Temporal XOR: two random bits, then their exclusive or, again and again (Elman 1990).

    x[3k], x[3k+1] uniform on {0, 1};  x[3k+2] = x[3k] xor x[3k+1]
    """
    pairs = [(draw(rng, (0, 1)), draw(rng, (0, 1))) for _ in range(triples)]
    return "".join(f"{a}{b}{a ^ b}" for a, b in pairs)


def xor_floor() -> float:
    """2/3 bit per character: one bit for each of the random two, none for the third."""
    return 2 / 3


def letters(rng: Random, consonants: int = 1000) -> str:
    """Consonants drawn uniformly from b d g, each followed by its vowels: ba, dii, guuu (Elman 1990)."""
    return "".join(draw(rng, SYLLABLES) for _ in range(consonants))


def letters_floor() -> float:
    """log2(3) / 3 = 0.528 bits per character: log2 3 at a consonant, 0 at a vowel, 3 letters on average."""
    return math.log2(len(SYLLABLES)) / _mean_length(SYLLABLES)


def word_sentences(rng: Random, sentences: int = 200) -> list[list[str]]:
    """Sentences of 4 to 9 words, number and words drawn uniformly (Elman 1990)."""
    return [[draw(rng, WORDS) for _ in range(draw(rng, range(4, 10)))] for _ in range(sentences)]


def words(rng: Random, sentences: int = 200) -> str:
    """The letters of `word_sentences` with nothing between: where words begin must be learned."""
    return "".join(itertools.chain.from_iterable(word_sentences(rng, sentences)))


def words_floor() -> float:
    """log2(15) / (59/15) = 0.993 bits per character.

    The words are independent and the stream splits into words in one way only: log2 15 bits a word.
    """
    return math.log2(len(WORDS)) / _mean_length(WORDS)


def sentence_lines(rng: Random, sentences: int = 10_000) -> str:
    """Sentences, one a line: a uniform template, a uniform word for each category (Elman 1990)."""
    templates = (draw(rng, TEMPLATES) for _ in range(sentences))
    return "\n".join(" ".join(draw(rng, CATEGORIES[name]) for name in template) for template in templates)


def sentence_probabilities() -> dict[str, float]:
    """Every sentence of the grammar with its probability, summed over the templates that can make it.

    P(s) = sum over templates t that can make s of 1/16 * product over categories c of t of 1/|c|
    """
    probabilities: dict[str, float] = defaultdict(float)
    for template in TEMPLATES:
        choices = [CATEGORIES[category] for category in template]
        share = 1 / len(TEMPLATES) / math.prod(len(choice) for choice in choices)
        for chosen in itertools.product(*choices):
            probabilities[" ".join(chosen)] += share
    return dict(probabilities)


def sentence_entropy() -> float:
    """Entropy of one sentence in bits: -sum P(s) log2 P(s)."""
    return -sum(p * math.log2(p) for p in sentence_probabilities().values())


def sentences_floor() -> float:
    """0.536 bits per character, line ends counted: a sentence's entropy / its mean length with line end."""
    return sentence_entropy() / sum(p * (len(s) + 1) for s, p in sentence_probabilities().items())


def surprisal(templates: Sequence[Sequence[Sequence[str]]], stream: Iterable[str]) -> list[float]:
    """Bits of each symbol of a stream to the best possible predictor, which knows the source, but not its place in it.

    The source draws a template uniformly, then a symbol uniformly from the choices of each of its places, again and
    again, and marks no ends. With p[s] the probability of being at place s of a template, given all before:

        P(x[t]) = sum_s p[s] e[s](x[t]),  and p moves on by Bayes' rule: the forward algorithm (Baum et al. 1970)

    where e[s](x) is 1 / |choices| for those, 0 for others. It starts at the start of a template. Raises `ValueError`
    for a symbol that cannot come.
    """
    start = {(template, 0): 1 / len(templates) for template in range(len(templates))}
    p = start
    bits: list[float] = []
    for x in stream:
        after: dict[tuple[int, int], float] = defaultdict(float)
        ended = total = 0.0
        for (template, place), share in p.items():
            choices = templates[template][place]
            if x not in choices:
                continue
            joint = share / len(choices)
            total += joint
            if place + 1 < len(templates[template]):
                after[template, place + 1] += joint
            else:
                ended += joint
        if not total:
            raise ValueError(f"{x!r} cannot come at {len(bits)}")
        bits.append(-math.log2(total))
        for state, share in start.items() if ended else ():
            after[state] += ended * share
        p = {state: joint / total for state, joint in after.items()}
    return bits


def _mean_length(items: Sequence[str]) -> float:
    return sum(map(len, items)) / len(items)


class Corpus(NamedTuple):
    generate: Callable[[Random], str]
    floor: Callable[[], float]  # bits per character
    seed: int


# Two seeds are the first, counting from 0, that give the paper's own sizes: 1,270 words with 4,963 letters
# for the stream of words, 27,534 words for the sentences.
CORPORA = {
    "elman-xor.txt": Corpus(xor, xor_floor, 0),
    "elman-letters.txt": Corpus(letters, letters_floor, 0),
    "elman-words.txt": Corpus(words, words_floor, 1259),
    "elman-sentences.txt": Corpus(sentence_lines, sentences_floor, 113),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write each corpus and print its line: file, characters with line ends, floor in bits per character."""
    parser = argparse.ArgumentParser(description="Write the corpora of Elman (1990).")
    here = Path(__file__).parent
    parser.add_argument("--folder", type=Path, default=here, help="where to write (default: with make.py)")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, corpus in CORPORA.items():
        text = corpus.generate(Random(corpus.seed)) + "\n"
        (folder / name).write_bytes(text.encode("ascii"))
        print(f"{name}\t{len(text)}\t{corpus.floor():.4f}")


if __name__ == "__main__":
    main()
