"""A network's step as a `Program`: every layer's equations, with a step for what stands around the layers."""

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import UsageError
from ..nn.context import normalisation
from ..nn.layers.layernorm_lstm import VARIANCE_EPSILON
from ..nn.parameters import Views
from ..runs.run import Run
from .program import SYMBOL, Program, Vector

Input = Vector | None  # None: the symbol read, as a one-hot vector
Inputs = Sequence[Input]


class Step:
    """The weights of one layer, and what it reads, while its equations are written down."""

    def __init__(self, program: Program, layer: Any, weights: Views, at: str):
        self.program, self.layer, self.weights, self.at = program, layer, weights, at

    def __getitem__(self, name: str) -> Vector:
        """The weights of that name."""
        return self.program.array(f"{self.at}/{name}", self.weights[name])

    def below(self, x: Inputs, weight: str = "U", bias: str = "b") -> Vector:
        """b + x U, with a block of U's rows for each input."""
        total, start = self[bias], 0
        sizes = self.layer.inputs
        for i, (one, size) in enumerate(zip(x, sizes, strict=True)):
            block = self.weights[weight][start : start + size]
            start += size
            name = f"{self.at}/{weight}{i if len(sizes) > 1 else ''}"
            total = total + self._times(one, self.program.array(name, block))
        return total

    def recurrent(self, h: Vector, name: str) -> Vector:
        """h W, where a vector W stands for a diagonal matrix."""
        W = self[name]
        return h @ W if self.weights[name].ndim == 2 else h * W

    def _times(self, x: Input, block: Vector) -> Vector:
        return x @ block if x is not None else self.program.apply("take", block.size, SYMBOL, block)


Result = tuple[Vector, list[Vector]]  # what comes out of a layer, and its state after the step


def dense(s: Step, x: Inputs, state: list[Vector]) -> Result:
    return s.below(x).through(s.layer.activation), []


def elman(s: Step, x: Inputs, state: list[Vector]) -> Result:
    h = (s.below(x) + state[0] @ s["W"]).through(s.layer.activation)
    return h, [h]


def deep_transition(s: Step, x: Inputs, state: list[Vector]) -> Result:
    layer = s.layer
    delayed = layer.recurrent_depth if layer.delay_to == "last" else 1
    a = s.below(x) if layer.delay_only else s.below(x) + s.recurrent(state[0], "W")
    for k in range(1, layer.recurrent_depth + 1):
        if layer.delay > 1 and k == delayed:
            a = a + s.recurrent(state[-1], "D")
        h = a.through(layer.activation)
        if k < layer.recurrent_depth:
            a = s[f"b{k + 1}"] + h @ s[f"W{k + 1}"]
    return h, [h, *state[:-1]]


def jordan(s: Step, x: Inputs, state: list[Vector]) -> Result:
    """What is fed back is the last input: the symbol read or, with `Feedback`, a mixture."""
    if not state:
        return s.below(x).through(s.layer.activation), []
    *others, z = x
    fed = z if z is not None else s.program.apply("onehot", s.program.symbols, SYMBOL)
    trace = state[0] * s.layer.decay + fed
    return s.below([*others, trace]).through(s.layer.activation), [trace]


def lstm(s: Step, x: Inputs, state: list[Vector]) -> Result:
    h, c = state
    return _lstm(s.below(x) + h @ s["W"], c)


def layernorm_lstm(s: Step, x: Inputs, state: list[Vector]) -> Result:
    h, c = state
    a = s.below(x) + h @ s["W"]
    return _lstm(a.normalised(s["gain"], s["shift"], VARIANCE_EPSILON), c)


def _lstm(a: Vector, c: Vector) -> Result:
    i, f, o, g = a.split(4)
    c = f.through("sigmoid") * c + i.through("sigmoid") * g.through("tanh")
    h = o.through("sigmoid") * c.through("tanh")
    return h, [h, c]


def gru(s: Step, x: Inputs, state: list[Vector]) -> Result:
    (h,) = state
    (r, z, n), (rW, zW, m) = s.below(x).split(3), (h @ s["W"]).split(3)
    n = (n + (r + rW).through("sigmoid") * (m + s["c"])).through("tanh")
    h = n + (z + zW).through("sigmoid") * (h - n)
    return h, [h]


def convolution(s: Step, x: Inputs, state: list[Vector]) -> Result:
    """The state is what the inputs so far add to the next steps."""
    r = s.layer.dilation
    now, *taps = s.below(x).split(s.layer.width)
    first, *rest = state
    later: list[Vector] = []
    for j in range(1, len(state) + 1):
        parts = [*([taps[j // r - 1]] if j % r == 0 else []), *rest[j - 1 : j]]
        later.append(parts[0] + parts[1] if len(parts) > 1 else parts[0])
    return (now + first).through(s.layer.activation), later


def transformer(s: Step, x: Inputs, state: list[Vector]) -> Result:
    """The state is the keys and the values of the last C - 1 steps, the oldest first."""
    e = s.below(x) if "U" in s.weights else x[0]
    assert e is not None, "a layer without U reads what is below it"

    def normalised(a: Vector, n: int) -> Vector:
        return a.normalised(s[f"gain{n}"], s[f"shift{n}"], normalisation.VARIANCE_EPSILON)

    q, k, v = (normalised(e, 1) @ s["A"]).split(3)
    keys, values = (old.beside(new) for old, new in zip(state, (k, v), strict=True))
    learnt = s.program.array(f"{s.at}/R", s.weights["R"][:, ::-1])
    u = e + q.attend(keys, values, learnt, s.layer.heads) @ s["P"]
    r = (s["b1"] + normalised(u, 2) @ s["M1"]).through("relu")
    return u + s["b2"] + r @ s["M2"], [keys.cut(k.size), values.cut(v.size)]


LAYERS: dict[str, Callable[[Step, Inputs, list[Vector]], Result]] = {  # by the layer's class
    "Dense": dense,
    "Elman": elman,
    "DeepTransition": deep_transition,
    "Jordan": jordan,
    "LSTM": lstm,
    "LayerNormLSTM": layernorm_lstm,
    "GRU": gru,
    "Convolution": convolution,
    "Transformer": transformer,
}


def program(run: Run) -> Program:
    """One step of a run's network, whose scores' softmax is the distribution of the next symbol.

    Raises `UsageError` as `check` does.
    """
    model = run.model
    check(run)
    made = Program(model.symbols)
    state = [made.state(size) for size in model.state_sizes]
    fed = _fed(made, run, state)
    h, after = _stack(made, run, fed, state)
    readout = Step(made, model.readout, run.weights.at("readout"), "readout")
    scores = readout.below(h, "V", "c")
    if len(after) < len(state):  # `Feedback` keeps what was put out
        after = [*after, scores.through("softmax")]
    if model.config.ending == "node":
        scores = scores.through("joint")
    made.scores, made.after = scores.index, [one.index for one in after]
    return made


def check(run: Run) -> None:
    """Raise `UsageError` for cells without equations here, and for --ending length: it has no one distribution."""
    if {type(layer).__name__ for layer in run.model.hidden.layers} - LAYERS.keys():
        raise UsageError(f"--cell {run.model.config.cell} has no place in any export format: export another cell")
    if run.model.config.ending == "length":
        raise UsageError(
            "--ending length draws a length before the first character, and no export format holds that step: "
            "export a network of --ending eos or --ending node"
        )


def _fed(made: Program, run: Run, state: list[Vector]) -> Inputs:
    """What the layers read beside what is below them: the symbol, and what is fed back."""
    config = run.model.config
    beside, teacher = config.feedback == "output", config.shares[1]
    if config.shares == (1, 1):
        return (None, None) if beside else (None,)
    z = made.apply("onehot", made.symbols, SYMBOL) * teacher + state[-1] * (1 - teacher)
    return (z, None) if beside else (z,)


def _stack(made: Program, run: Run, fed: Inputs, state: list[Vector]) -> tuple[list[Vector], list[Vector]]:
    """What the readout sees, and the state after the step; see `Stack`."""
    stack, weights, left = run.model.hidden, run.weights.at("hidden"), list(state)
    ys: list[Vector] = []
    after: list[Vector] = []
    x: Inputs = fed
    for i, layer in enumerate(stack.layers):
        step = LAYERS[type(layer).__name__]
        own, left = left[: len(layer.state_sizes)], left[len(layer.state_sizes) :]
        y, own = step(Step(made, layer, weights.at(str(i)), f"hidden/{i}"), x, own)
        if stack.residual and ys:
            y = y + ys[-1]
        ys.append(y)
        after += own
        x = [y, *fed] if stack.skip else [y]
    return ys if stack.skip else ys[-1:], after
