"""The likeliest texts after a prime, by beam search; with an automaton those that it allows."""

import numpy as np

from ..nn.functions import ignore_overflow, log_softmax
from ..nn.layers.base import Array, State
from ..nn.network import Network
from ..nn.workspace import Workspace
from .automaton import PatternAutomaton
from .beam import Hypothesis, search
from .next import read_prime


class TextWriter:
    """A network's text in the writing: what `beam.search` calls on, from the state `start` on.

    With an automaton its states (R, 1) are the last part of the state. Probabilities are those of the network: what
    the automaton does not allow is left out, and nothing is scaled up in its place.
    """

    def __init__(self, network: Network, prime: Array, longest: int, automaton: PatternAutomaton | None = None):
        self.network, self.automaton, self.left = network, automaton, longest
        self.ws, self.first = Workspace(back=False), True
        self.o, state = read_prime(network, prime)
        self.start: State = (*state, np.zeros((1, 1), int)) if automaton else state

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Log probabilities of what follows the symbols x (R,), and the state after them: see `beam.Writer`."""
        inner, states = (state[:-1], state[-1][:, 0]) if self.automaton else (state, np.zeros(len(x), int))
        if self.first:
            o = np.repeat(self.o, len(x), axis=0)
        else:
            self.ws.reset()
            o, after = self.network.step(x, inner, self.ws)
            o, inner = self.network.model.ending.joint_scores(o.copy()), tuple(s.copy() for s in after)
        logp: Array = log_softmax(o.astype(np.float64))
        if self.automaton:
            states = states if self.first else self.automaton.table[states, x]
            logp[~self.automaton.allowed(states, self.left)] = -np.inf
            inner = (*inner, states[:, None])
        self.first, self.left = False, self.left - 1
        return logp, inner

    def keep(self, targets: Array) -> None:
        """There is one target alone."""


@ignore_overflow()  # a network may be beyond all bounds, and still write
def likeliest(
    network: Network, prime: Array, width: int, longest: int, automaton: PatternAutomaton | None = None
) -> list[Hypothesis]:
    """The likeliest texts after a prime, (N,) ids, of at most `longest` characters that a beam finds, the best first.

    A wider beam keeps more beginnings, and misses less. Raises `UsageError` for a network that gives no distribution
    over symbols at each step.
    """
    writer = TextWriter(network, prime, longest, automaton)
    (found,) = search(writer, writer.start, width, np.array([longest]))
    return found
