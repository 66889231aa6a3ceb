"""What a network knows is kept in a larger vocabulary, and new characters start from their like."""

from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.vocabulary import EOS, Vocabulary
from charnn.nn.functions import log_softmax
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.training import transfer

OLD = Vocabulary(tuple(sorted(map(ord, "abeE,."))))
NEW = Vocabulary(tuple(sorted(map(ord, "abeE,.éÉB—ß4"))))
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru, no skip": {"cell": "gru", "skip": False},
    "elman": {"cell": "elman", "recurrent_depth": 2, "delay": 2, "feedforward_depth": 2},
    "jordan": {"cell": "jordan"},
    "feedback": {"cell": "elman", "feedback": "output"},
    "node": {"ending": "node"},
    "length": {"ending": "length"},
    "as wide as the vocabulary": {"hidden": OLD.size},
}


def networks(name: str, train: str = "abe,.éé") -> tuple[Network, Network]:
    """A network, and the same one with the new vocabulary, whose text is `train`."""
    config = ModelConfig(**{"hidden": 9, "dropout": 0.0, **NETWORKS[name]})
    old, new = Model(config, OLD.size), Model(config, NEW.size)
    p = old.initial(np.random.default_rng(0))
    for one in p:
        p[one] = p[one] + 0.1 * np.random.default_rng(1).normal(size=p[one].shape)
    network = Network(old, p, False)
    return network, Network(new, transfer.extended(network, OLD, new, NEW, NEW.ids(train)), False)


def scores(network: Network, ids: np.ndarray) -> np.ndarray:
    o, _ = network.scores(ids[:, None], network.zero_state(1), Workspace(back=False))
    return o[:, 0].astype(np.float64)


@pytest.mark.parametrize("name", NETWORKS)
def test_known_characters_keep_their_scores(name: str) -> None:
    old, new = networks(name)
    text = "abba,.EeEe\nab\n"
    there = np.flatnonzero(transfer.places(OLD, NEW) >= 0)
    lengths = np.arange(NEW.size, new.model.symbols)
    found = scores(new, NEW.ids(text))[:, [*there, *lengths]]
    np.testing.assert_allclose(found, scores(old, OLD.ids(text)), rtol=1e-5, atol=1e-5)


def test_without_new_characters_the_weights_are_the_same() -> None:
    old, _ = networks("lstm")
    same = transfer.extended(old, OLD, old.model, OLD, OLD.ids("abe"))
    np.testing.assert_array_equal(same.flat, old.weights.flat)


@pytest.mark.parametrize("name", ["lstm", "jordan", "feedback", "elman"])
def test_a_look_alike_is_read_as_what_it_is_like(name: str) -> None:
    _, new = networks(name)
    np.testing.assert_allclose(scores(new, NEW.ids("aéÉBa")), scores(new, NEW.ids("aeEba")), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("character", "like"),
    [
        ("é", "e"),
        ("É", "E"),
        ("B", "b"),
        ("ß", "abe"),
        ("Ω", "E"),
        ("ª", "a"),
        ("!", ",."),
        ("—", ",."),
        ("4", ",.Eabe"),
    ],
)
def test_what_a_character_is_like(character: str, like: str) -> None:
    assert transfer.alike(ord(character), OLD.characters) == sorted(map(ord, like))


@pytest.mark.parametrize("text", ["eeeéab,.E" * 9, "éabébE.a" * 8, "ßßé4—ab" * 9])
def test_new_characters_are_as_likely_as_their_shares_say(text: str) -> None:
    _, new = networks("lstm", text)
    p = np.exp(log_softmax(scores(new, NEW.ids(text))[:, 1:])).mean(axis=0)
    counts = np.bincount(NEW.ids(text), minlength=NEW.size)[1:] + transfer.HALF
    fresh = [i - 1 for i in np.flatnonzero(transfer.places(OLD, NEW) < 0)]
    np.testing.assert_allclose(p[fresh], (counts / counts.sum())[fresh], rtol=0.3)


def test_a_like_that_the_text_lacks_makes_no_new_character_certain() -> None:
    _, new = networks("lstm", "éab" * 20)
    p = np.exp(log_softmax(scores(new, NEW.ids("abéab"))))
    assert (p[:, NEW.ids("é")] < 0.5).all()


def test_a_character_that_no_text_has_is_rare_and_a_text_without_its_like_is_no_fault() -> None:
    _, new = networks("lstm", "é" * 20 + "ab")
    o = scores(new, NEW.ids("abab"))
    assert np.isfinite(o).all()
    p = np.exp(log_softmax(o))
    assert (p[:, NEW.ids("4")] < 0.05).all()


def test_a_vocabulary_of_line_ends_alone_lends_its_end() -> None:
    empty, one = Vocabulary(()), Vocabulary((ord("a"),))
    S, new = transfer.mixture(empty, one, np.array([0.5, 0.5]), 1, 2)
    assert new == [1] and S.tolist() == [[1.0], [1.0]] and EOS == 0
