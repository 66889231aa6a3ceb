"""A finite automaton: states, and where each symbol leads from each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..pictures import graphs


@dataclass(frozen=True)
class Automaton:
    """A deterministic acceptor, whose state 0 is the start. A symbol without a transition is not accepted.

    `agreement` is the share of the steps of the network that it was read from whose moves and ends are the automaton's.
    """

    transitions: Mapping[tuple[int, str], int]
    ends: Sequence[float]  # by state: the network's probability that the text ends there
    accepting: Sequence[bool]
    agreement: float = 1.0

    @property
    def symbols(self) -> list[str]:
        """All that a transition is for, sorted."""
        return sorted({symbol for _, symbol in self.transitions})

    def accepts(self, text: str) -> bool:
        """Whether a text leads from the start to an accepting state."""
        state: int | None = 0
        for symbol in text:
            state = self.transitions.get((state, symbol)) if state is not None else None
        return state is not None and self.accepting[state]

    def minimal(self) -> "Automaton":
        """The automaton with the fewest states that accepts the same texts (Moore, 1956), from the start on.

        Transitions that nothing accepted goes through are left out.
        """
        ends = self._leading_to_ends()
        moves = {key: after for key, after in self.transitions.items() if after in ends}
        states = Automaton(moves, self.ends, self.accepting)._reachable()
        block = {state: int(self.accepting[state]) for state in states}
        while True:
            leads = {s: (block[s], *(block.get(moves.get((s, c), -1), -1) for c in self.symbols)) for s in states}
            names = {found: i for i, found in enumerate(dict.fromkeys(leads.values()))}
            refined = {state: names[leads[state]] for state in states}
            if len(names) == len(set(block.values())):
                return self._merged(moves, refined)
            block = refined

    def _leading_to_ends(self) -> set[int]:
        """The states from which some text leads to an accepting one."""
        found: set[int] = set()
        more = {state for state, accepts in enumerate(self.accepting) if accepts}
        while more:
            found |= more
            more = {state for (state, _), after in self.transitions.items() if after in found} - found
        return found

    def _reachable(self) -> list[int]:
        """The states that some text leads to, those of the shortest texts first."""
        found = [0]
        for state in found:
            there = (self.transitions[state, symbol] for symbol in self.symbols if (state, symbol) in self.transitions)
            found += [one for one in dict.fromkeys(there) if one not in found]
        return found

    def _merged(self, moves: Mapping[tuple[int, str], int], block: Mapping[int, int]) -> "Automaton":
        """An automaton of blocks of states, the start's first; each block's end is the mean of those of its states."""
        members: dict[int, list[int]] = {}
        for state, name in block.items():  # in the order in which they are reached: the start's is 0
            members.setdefault(name, []).append(state)
        number = {name: i for i, name in enumerate(members)}
        transitions = {
            (number[block[state]], symbol): number[block[after]]
            for (state, symbol), after in moves.items()
            if state in block
        }
        ends = [sum(self.ends[state] for state in one) / len(one) for one in members.values()]
        accepting = [self.accepting[one[0]] for one in members.values()]
        return Automaton(transitions, ends, accepting, self.agreement)

    def table(self) -> Iterator[tuple[str, ...]]:
        """A row for each state: its name, whether it accepts, the probability of an end, and where symbols lead."""
        yield "state", "accepts", "end", *self.symbols
        for state, end in enumerate(self.ends):
            leads = (self.transitions.get((state, symbol)) for symbol in self.symbols)
            shown = ("" if one is None else name(one) for one in leads)
            yield name(state), "yes" if self.accepting[state] else "no", f"{end:.4f}", *shown

    def edges(self) -> dict[tuple[int, int], list[str]]:
        """The symbols that lead from one state to another one, or to itself."""
        found: dict[tuple[int, int], list[str]] = {}
        for (state, symbol), after in sorted(self.transitions.items()):
            found.setdefault((state, after), []).append(symbol)
        return found

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        rows = ['    "" [shape=none]', f'    "" -> {name(0)}']
        shapes = ("doublecircle" if accepts else "circle" for accepts in self.accepting)
        rows += [f"    {name(state)} [shape={shape}]" for state, shape in enumerate(shapes)]
        for (state, after), symbols in self.edges().items():
            label = ", ".join(symbols).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\\n")
            rows.append(f'    {name(state)} -> {name(after)} [label="{label}"]')
        return "\n".join(["digraph automaton {", "    rankdir=LR", *rows, "}\n"])

    def svg(self) -> str:
        """The graph as a picture; an accepting state has two rings."""
        edges = {key: ", ".join(symbols) for key, symbols in self.edges().items()}
        names = [name(state) for state in range(len(self.ends))]
        return graphs.graph(
            "States of the network, and the symbols that lead from one to another", names, edges, self.accepting
        )

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        moves = [[name(state), symbol, name(after)] for (state, symbol), after in sorted(self.transitions.items())]
        states = [
            {"name": name(state), "accepts": bool(self.accepting[state]), "end": end}
            for state, end in enumerate(self.ends)
        ]
        return {"states": states, "transitions": moves, "agreement": self.agreement}

    def _repr_svg_(self) -> str:
        return self.svg()


def name(state: int) -> str:
    """S1 for the start, S2, ..."""
    return f"S{state + 1}"
