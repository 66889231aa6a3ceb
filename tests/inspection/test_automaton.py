"""Automata: minimal ones, and those read from networks that are known by hand."""

import json
import re
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.data.vocabulary import EOS, Vocabulary
from charnn.errors import UsageError
from charnn.inspection.automaton import Automaton
from charnn.inspection.extraction import clusters, extract, from_clusters, read
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.runs import checkpoint
from charnn.runs.run import CorpusInfo, Run
from tests.helpers.program import ok, refused, table

BITS = Vocabulary((ord("0"), ord("1")), "line")
ZERO, ONE = 1, 2
BASELINES = {"uniform": 1.6, "unigram": 1.6, "bigram": 1.5, "ngram": 1.4, "order": 4.0, "counted": 90.0}
MOVES = {("even", ZERO): "odd", ("even", ONE): "even", ("odd", ZERO): "even", ("odd", ONE): "odd"}


def strings(longest: int = 12) -> list[str]:
    return ["".join(bits) for length in range(longest + 1) for bits in product("01", repeat=length)]


def by_hand(reset: bool = True) -> Network:
    """relu units, one for each state and symbol, exactly 1 where the symbol was read in the state, else 0.

    h[t] = relu(h[t-1] W + x[t] U - 1); the last unit is 1 after EOS. Lines end after an even number of zeros alone.
    """
    units = [*MOVES, ("", EOS)]
    model = Model(ModelConfig("elman", len(units), 1, "relu", skip=False, dropout=0.0), BITS.size)
    p = model.initial(np.random.default_rng(0), np.float64)
    p.flat.fill(0)
    for i, before in enumerate(units):
        after = MOVES.get(before, "even")
        for j, (state, symbol) in enumerate(units):
            p["hidden/0/W"][i, j] = state == after
            p["hidden/0/U"][symbol, j] = 1
        p["readout/V"][i, EOS] = 0 if after == "even" else -50
    p["hidden/0/b"][:-1] = -1
    p["hidden/0/W"][:, -1] = 0
    return Network(model, p, reset)


def some_text(lines: int = 60) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate([[*rng.integers(1, 3, rng.integers(1, 9)), EOS] for _ in range(lines)]).astype(np.uint8)


def test_a_network_by_hand_is_the_acceptor_of_an_even_number_of_zeros() -> None:
    found = extract(by_hand(), BITS, some_text(), 8, 0.05)
    assert len(found.ends) == 2 and found.agreement == 1 and list(found.accepting) == [True, False]
    assert found.transitions == {(0, "0"): 1, (0, "1"): 0, (1, "0"): 0, (1, "1"): 1}
    for text in strings():
        assert found.accepts(text) == (text.count("0") % 2 == 0), text
    assert not found.accepts("02")


def test_states_and_ends_are_those_of_the_network() -> None:
    states, ends = read(by_hand(), np.array([ZERO, ZERO, ONE, EOS, ONE], np.uint8))
    assert states.argmax(axis=1).tolist() == [4, 0, 2, 1, 4, 1] and states.sum(axis=1).tolist() == [1] * 6
    assert ends == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3, 1 / 3, 1 / 3], abs=1e-9)


def test_points_near_each_other_are_a_cluster() -> None:
    rng = np.random.default_rng(0)
    near = rng.integers(0, 4, 300)
    points = 5 * rng.normal(size=(4, 6))[near] + 0.1 * rng.normal(size=(300, 6))
    found = clusters(points, 4, np.random.default_rng(1))
    assert len({(a, b) for a, b in zip(near.tolist(), found.tolist(), strict=True)}) == 4


def test_a_cluster_moves_as_most_of_it_does() -> None:
    near, read = np.array([0, 1, 1, 0, 1, 0, 2]), np.array([EOS, ONE, ONE, EOS, ONE, EOS, ONE])
    found = from_clusters(near, np.array([0.5, 0, 0, 0.5, 0, 0.5, 0.0]), read, 0.05)
    assert found.transitions == {(0, "2"): 1, (1, "2"): 1} and list(found.accepting) == [True, False, False]
    assert found.agreement == pytest.approx((3 + 7) / (4 + 7))


@pytest.mark.parametrize("seed", range(20))
def test_the_minimal_automaton_accepts_the_same_and_no_smaller_one_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    moves = {(s, c): int(rng.integers(count)) for s in range(count) for c in "01" if rng.random() < 0.9}
    whole = Automaton(moves, rng.random(count).tolist(), (rng.random(count) < 0.5).tolist())
    small = whole.minimal()
    texts = strings(10)
    assert [small.accepts(text) for text in texts] == [whole.accepts(text) for text in texts]
    told = {tuple(whole.accepts(start + rest) for rest in strings(5)) for start in strings(5) if reaches(whole, start)}
    useful = [one for one in told if any(one)]  # Myhill and Nerode: a state for each set of what may follow
    assert len(small.ends) == max(1, len(useful))


def reaches(automaton: Automaton, text: str) -> bool:
    state: int | None = 0
    for symbol in text:
        state = automaton.transitions.get((state, symbol)) if state is not None else None
    return state is not None


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network by hand, in a file, and a text."""
    network = by_hand()
    weights = network.model.initial(np.random.default_rng(0))
    for name, value in network.weights.items():
        weights[name] = value
    config = TrainConfig(batch=1, state="reset")
    run = Run(network.model, config, BITS, CorpusInfo(("hand",), "0" * 64, 100, baselines=BASELINES), weights)
    checkpoint.save(tmp_path / "hand.npz", run, resumable=False)
    (tmp_path / "bits.txt").write_text(BITS.decode(some_text()))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hand.npz"


def test_the_command_writes_tables_dot_json_and_pictures(model: Path) -> None:
    args = ["inspect", "automaton", "-m", str(model), "bits.txt"]
    rows = table(ok(*args))
    assert rows == [
        ["state", "accepts", "end", "0", "1"],
        ["S1", "yes", "0.3333", "S2", "S1"],
        ["S2", "no", "0.0000", "S1", "S2"],
    ]
    dot = ok(*args, "--dot")
    assert 'S1 -> S2 [label="0"]' in dot and "S1 [shape=doublecircle]" in dot and "S2 [shape=circle]" in dot
    found = json.loads(ok(*args, "--json"))
    assert [state["accepts"] for state in found["states"]] == [True, False] and found["agreement"] == 1
    assert found["transitions"] == [["S1", "0", "S2"], ["S1", "1", "S1"], ["S2", "0", "S1"], ["S2", "1", "S2"]]
    picture = ElementTree.fromstring(ok(*args, "--svg"))
    words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(word for word in words[1:] if word) == ["0", "0", "1", "1", "S1", "S2"]
    assert len(re.findall("<circle", ok(*args, "--svg"))) == 3  # two of the state that accepts


def test_a_network_without_ends_at_each_step_or_resets_has_none(model: Path) -> None:
    refused(2, "inspect", "automaton", "-m", str(model), "bits.txt", "--dot", "--svg")
    with pytest.raises(UsageError, match="--state reset"):
        extract(by_hand(reset=False), BITS, some_text(), 8, 0.05)
    length = Model(ModelConfig("elman", 4, 1, "tanh", dropout=0.0, ending="length"), BITS.size)
    with pytest.raises(UsageError, match="--ending"):
        extract(Network(length, length.initial(np.random.default_rng(0)), True), BITS, some_text(), 8, 0.05)
