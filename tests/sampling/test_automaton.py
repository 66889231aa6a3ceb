"""Texts that match a regular expression: the automaton beside Python's `re`, and what is drawn beside brute force."""

import itertools
import math
import re

import numpy as np
import pytest

from charnn.config import ModelConfig, SampleConfig
from charnn.data.vocabulary import EOS
from charnn.errors import UsageError
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.runs.run import CorpusInfo, Run
from charnn.sampling.automaton import DEAD, PatternAutomaton, build
from charnn.sampling.beam import Hypothesis
from charnn.sampling.likeliest import likeliest
from charnn.sampling.next import next_symbols
from charnn.sampling.text import TextSampler
from tests.helpers import toys

CHARACTERS = "ab1\n"
PATTERNS = [
    *("a*b", "(a|b)+1", "a{2,3}b?", "[^a]b", r"\d+a", "(?:ab)*", "a|", "(a|ab)(b|)", "(a?b?){2}", "a{0}b", ".{3}"),
    *("((a|b)*1){2}", "[ab]{,2}1", "a{2}", "(a*)*", "(?P<x>a)b", "a+?b", r"[\]a]", r"\w\W?", "a{1,}", r"\x61b", ""),
    *("(a|b|1)*a(a|b|1){2}", "[]a]b", "[a-b]1", r"a\n", "(ab|a)(bb?|1)*"),
]
CONFIGS = [{"cell": "elman"}, {"cell": "lstm"}, {"ending": "node"}]


def follow(automaton: PatternAutomaton, symbols: tuple[int, ...]) -> int:
    state = 0
    for symbol in symbols:
        state = automaton.table[state, symbol]
        if state == DEAD:
            break
    return state


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_automaton_matches_what_python_does(pattern: str) -> None:
    automaton = build(pattern, [*map(ord, CHARACTERS)], 100)
    known = re.compile(pattern)
    for length in range(6):
        for text in itertools.product(range(1, 5), repeat=length):
            state = follow(automaton, text)
            written = "".join(CHARACTERS[symbol - 1] for symbol in text)
            matches = known.fullmatch(written) is not None
            assert (state != DEAD and automaton.table[state, EOS] != DEAD) == matches, written
            if matches:
                assert automaton.distance[state] == 0


def test_the_distance_is_the_least_number_of_characters_to_a_match() -> None:
    automaton = build("(ab){2}1?|aaaaaaaa", [*map(ord, CHARACTERS)], 100)
    assert automaton.distance[0] == 4 and automaton.distance[follow(automaton, (1,))] == 3
    assert automaton.distance[follow(automaton, (1, 1))] == 6


@pytest.mark.parametrize(
    "pattern", ["(a", r"(a)\1", "(?=a)", "^a", "a$", r"a\b", "a*+", "(?i:a)", r"\N{DASH}", "é", "[c-d]+"]
)
def test_what_is_no_expression_or_matches_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="--match"):
        build(pattern, [*map(ord, CHARACTERS)], 100)


def test_an_expression_that_is_too_long_or_too_large_is_refused() -> None:
    nested = "(((a{1,99}){1,99}){1,99}){1,99}"  # few states, of large expressions
    for pattern, length in (("a" * 1001, 2000), ("a{5}", 4), ("(a|b)*a(a|b){15}", 100), (nested, 100)):
        with pytest.raises(UsageError, match="--match"):
            build(pattern, [*map(ord, CHARACTERS)], length)


# what is drawn


def run_of(**options: object) -> Run:
    """A run of a small network whose weights are large enough for some symbols to be much likelier than others."""
    config = ModelConfig(**{**toys.MODEL, "hidden": 6, "activation": None, **options})  # type: ignore[arg-type]
    model, rng = Model(config, toys.V), np.random.default_rng(0)
    weights = model.initial(rng)
    for name, w in weights.items():
        weights[name] = rng.normal(0, 0.7, w.shape)
    _, training = toys.options({})
    return Run(model, training, toys.vocabulary(), CorpusInfo(("toy",), "", 0), weights)


def network(**options: object) -> Network:
    return run_of(**options).network


def conditional(net: Network, prime: tuple[int, ...]) -> np.ndarray:
    return next_symbols(net, np.array(prime, int), SampleConfig())


def every(net: Network, prime: tuple[int, ...], pattern: str, length: int) -> dict[str, float]:
    """By brute force, over all texts that match: the product of softmaxes over the symbols that still can match."""
    known, letters = re.compile(pattern), toys.LETTERS
    texts = ["".join(text) for n in range(length + 1) for text in itertools.product(letters, repeat=n)]
    matching = [text for text in texts if known.fullmatch(text)]
    found = {}
    for text in matching:
        p, written = 1.0, [*text, None]
        for i, symbol in enumerate(written):
            if i == length:
                break
            open_ = {other[i] if len(other) > i else None for other in matching if other[:i] == text[:i]}
            q = conditional(net, prime + tuple(letters.index(c) + 1 for c in text[:i]))
            mass = {c: q[0 if c is None else letters.index(c) + 1] for c in open_}
            p *= mass[symbol] / sum(mass.values())
        found[text] = p
    return found


@pytest.mark.parametrize("options", CONFIGS, ids=str)
@pytest.mark.parametrize(("pattern", "length"), [("[ab]*c", 4), ("(ab?|c){1,2}", 4), ("d[a-h]?", 9)])
def test_texts_are_drawn_as_often_as_brute_force_says(options: dict[str, object], pattern: str, length: int) -> None:
    run, count = run_of(**options), 3000
    prime = "ha"
    expected = every(run.network, (8, 1), pattern, min(length, 4))
    assert sum(expected.values()) == pytest.approx(1)
    sampler = TextSampler(run, prime, SampleConfig(match=pattern, length=length, count=count, seed=1))
    drawn = [one.text.removeprefix(prime) for one in sampler.samples()]
    assert set(drawn) <= set(expected)
    for text, p in expected.items():
        assert abs(drawn.count(text) - count * p) < 5 * math.sqrt(count * p) + 2, text


def test_one_text_as_it_is_drawn_matches_too() -> None:
    run = run_of()
    for seed in range(20):
        config = SampleConfig(match="(ab|c[de]){2,5}h", length=11, seed=seed)
        assert re.fullmatch("(ab|c[de]){2,5}h", "".join(TextSampler(run, "ab", config).stream()))


def test_texts_match_at_any_temperature_and_limit() -> None:
    run = run_of()
    for options in ({"temp": 0.0}, {"top_k": 2}, {"top_p": 0.9}, {"temp": 2.0}):
        config = SampleConfig(match="[abc]{2,4}d", count=50, seed=2, **options)  # type: ignore[arg-type]
        texts = [one.text for one in TextSampler(run, "", config).samples()]
        assert all(re.fullmatch("[abc]{2,4}d", text) for text in texts)
        assert len(set(texts)) == 1 if options == {"temp": 0.0} else len(set(texts)) > 1


# the likeliest texts


def cost(net: Network, prime: tuple[int, ...], text: tuple[int, ...], ended: bool) -> float:
    nats, read = 0.0, prime
    for symbol in (*text, *([EOS] if ended else [])):
        nats -= math.log(conditional(net, read)[symbol])
        read = (*read, symbol)
    return nats


@pytest.mark.parametrize("options", CONFIGS, ids=str)
@pytest.mark.parametrize("pattern", [None, "[ab]{0,3}c?", "(ab|ba|[c-h]{3})"])
def test_a_wide_beam_finds_the_likeliest_text_of_all(options: dict[str, object], pattern: str | None) -> None:
    net, longest = network(**options), 3
    automaton = None if pattern is None else build(pattern, [*map(ord, toys.LETTERS)], longest)
    found = likeliest(net, np.array([8, 1]), 700, longest, automaton)
    letters = range(1, toys.V)
    texts = [text for n in range(longest + 1) for text in itertools.product(letters, repeat=n)]
    known = re.compile(pattern) if pattern is not None else None
    wanted = [t for t in texts if not known or known.fullmatch("".join(toys.LETTERS[s - 1] for s in t))]
    costs = sorted((cost(net, (8, 1), text, True), text) for text in wanted)
    ended: list[Hypothesis] = [one for one in found if one.ended]
    for one, (nats, text) in zip(ended[:5], costs[:5], strict=True):
        assert (tuple(one.ids.tolist()), one.nats) == (text, pytest.approx(nats, rel=1e-5))


def test_a_beam_of_one_is_greedy() -> None:
    run = run_of()
    (one,) = TextSampler(run, "ab", SampleConfig(beam=1, length=6)).samples()
    greedy = "".join(TextSampler(run, "ab", SampleConfig(temp=0, length=6)).stream())
    assert one.text == "ab" + greedy
    assert "".join(TextSampler(run, "ab", SampleConfig(beam=1, length=6)).stream()) == greedy
    ids = tuple(toys.LETTERS.index(c) + 1 for c in greedy)
    assert one.bits == pytest.approx(cost(run.network, (1, 2), ids, one.ended) / math.log(2), rel=1e-5)


def test_a_model_of_lengths_is_refused() -> None:
    for options in ({"match": "a"}, {"beam": 2}):
        with pytest.raises(UsageError, match="--ending length"):
            [*TextSampler(run_of(ending="length"), "", SampleConfig(**options)).samples()]  # type: ignore[arg-type]
