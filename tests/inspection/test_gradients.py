"""Gradients by lag, of networks where they are known, and beside moves of the state; the check of gradients."""

import math
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.batch import Batch
from charnn.data.vocabulary import EOS
from charnn.errors import InputError
from charnn.inspection import activations, gradcheck, gradients, probes
from charnn.nn.layers import elman
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.linear import Linear
from charnn.nn.layers.stack import Stack
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.snapshots import raises

V, H = 5, 4


def network(cell: str = "elman", layers: int = 1, seed: int = 1, **options: Any) -> tuple[Model, Parameters]:
    model = Model(ModelConfig(cell=cell, hidden=H, layers=layers, dropout=0.5, **options), V)
    return model, model.initial(np.random.default_rng(seed))


def text(length: int, end: int = 0, seed: int = 0) -> np.ndarray:
    """Symbols, of which every `end`-th is EOS, and no other."""
    ids = np.random.default_rng(seed).integers(1, V, length).astype(np.uint8)
    if end:
        ids[end - 1 :: end] = EOS
    return ids


def linear(w: float) -> tuple[Model, Parameters]:
    """A network of relu that never gets to 0: h[t] = 1 + w h[t-1] + ..., with all of U positive."""
    model, p = network(activation="relu")
    p["hidden/0/W"] = w * np.eye(H)
    p["hidden/0/U"] = np.abs(p["hidden/0/U"])
    p["hidden/0/b"] = np.ones(H)
    p["readout/V"] = p["readout/V"] * 1e-3  # whatever h is, no score is beyond all bounds
    return model, p


# norms by lag


@pytest.mark.parametrize("w", [0.5, 0.9, 1.5])
def test_in_a_linear_network_norms_go_as_powers_of_w(w: float) -> None:
    model, p = linear(w)
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(300), 40)
    assert [(n.layer, n.lag, n.positions) for n in norms] == [(0, lag, 64) for lag in range(41)]
    assert norms[0].rms > 0 and math.isnan(norms[0].growth)
    for norm in norms:
        assert norm.rms == pytest.approx(norms[0].rms * np.float32(w) ** norm.lag, rel=1e-6)
        assert norm.median == pytest.approx(norms[0].median * np.float32(w) ** norm.lag, rel=1e-6)
        assert norm.low <= norm.median <= norm.high
    assert gradients.factor(norms) == pytest.approx(w)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_linear_units_grow_as_the_powers_of_their_eigenvalues(scale: float) -> None:
    """h[t-k] reaches h[t] through W^k = Q Lambda^k Q^-1: shrinking, staying or growing with the scale of W."""
    model, p = network(activation="linear", init_scale=scale, seed=3)
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(300), 30)
    values, Q = np.linalg.eig(p["hidden/0/W"].astype(np.float64))
    assert abs(values) == pytest.approx(scale, rel=1e-5)
    for norm in norms:
        assert norm.predicted == pytest.approx(norm.rms, rel=1e-9)
        assert norm.rms == pytest.approx(norms[0].rms * scale**norm.lag, rel=1e-4)
    power = Q @ np.diag(values**30) @ np.linalg.inv(Q)
    assert np.linalg.norm(power) == pytest.approx(np.sqrt(H) * scale**30, rel=1e-4)
    assert gradients.predicted_factor(norms) == pytest.approx(gradients.factor(norms)) == pytest.approx(scale, rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"delay": 3},
        {"delay": 2, "recurrent_depth": 3},
        {"delay": 2, "recurrent_depth": 3, "delay_to": "first"},
        {"delay": 4, "delay_only": True},
        {"recurrence": "diagonal", "delay": 2},
    ],
    ids=str,
)
def test_the_prediction_knows_delays_and_depths(options: dict[str, Any]) -> None:
    norms, _ = gradients.gradients_by_lag(Network(*network(activation="linear", **options), False), text(300), 12)
    for norm in norms:
        assert norm.rms > 0 and norm.predicted == pytest.approx(norm.rms, rel=1e-9)


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_a_delay_alone_takes_one_power_of_d_for_each_d_steps(delay: int) -> None:
    """The lecture's Q Lambda^(t/d) Q^T: a gradient shrinks as the power t / d of the eigenvalues."""
    options = {"delay": delay, "delay_only": True} if delay > 1 else {}
    norms, _ = gradients.gradients_by_lag(
        Network(*network(activation="linear", init_scale=0.5, **options), False), text(300), 12
    )
    assert norms[12].rms == pytest.approx(norms[0].rms * 0.5 ** (12 / delay), rel=1e-4)


def test_a_delay_goes_around_the_layers_of_a_step() -> None:
    """Through the last of 4 layers a gradient comes back 3 steps by one product; to the first, by four."""
    found = {}
    for to in ("last", "first"):
        model, p = network(activation="linear", recurrent_depth=4, delay=3, delay_to=to)
        for name in ("W", "W2", "W3", "W4", "D"):
            p[f"hidden/0/{name}"] = 0.5 * np.eye(H)
        norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(300), 30)
        found[to] = gradients.factor(norms[10:])
    assert found["last"] == pytest.approx(0.5 ** (1 / 3), rel=0.03) and found["first"] < 0.5


def test_the_prediction_leaves_out_what_the_activation_takes() -> None:
    norms, _ = gradients.gradients_by_lag(Network(*network(activation="tanh"), False), text(300), 20)
    assert norms[20].rms < 0.5 * norms[20].predicted and norms[0].rms == norms[0].predicted
    norms, _ = gradients.gradients_by_lag(Network(*network("gru"), False), text(300), 3)
    assert all(math.isnan(norm.predicted) for norm in norms) and math.isnan(gradients.predicted_factor(norms))


def test_norms_vanish_far_beyond_what_a_square_could_hold() -> None:
    model, p = linear(1e-3)
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(300), 100)
    assert 0 < norms[100].rms == pytest.approx(norms[0].rms * np.float32(1e-3) ** 100.0, rel=1e-4)
    assert gradients.factor(norms) == pytest.approx(1e-3)


def by_moves(model: Model, weights: Parameters, ids: np.ndarray, reset: bool) -> dict[tuple[int, int], float]:
    """|dL/dstate| by layer and lag, of the loss of a text's last symbol: each number of each state moved a little."""
    p = probes.precise(Network(model, weights, False)).weights
    x = np.append(EOS, ids[:-1])[:, None]

    def loss(start: int, state: Any) -> float:
        keep = np.where(x[start:] == EOS, 0.0, 1.0)[..., None] if reset else None
        return float(model.score(p, Batch(x[start:], ids[start:, None], keep), state, Workspace())[0][-1, 0])

    found, sizes = {}, [len(layer.state_sizes) for layer in model.hidden.layers]
    state, eps = model.zero_state(1, np.float64), 1e-5
    for t in range(len(x) - 1):
        keep = np.where(x[t : t + 1] == EOS, 0.0, 1.0)[..., None] if reset else None
        batch = Batch(x[t : t + 1], ids[t : t + 1, None], keep)
        state = tuple(s.copy() for s in model.score(p, batch, state, Workspace())[2])
        slopes = []
        for s in state:
            slopes.append([])
            for n in range(s.shape[1]):
                s[0, n] += eps
                up = loss(t + 1, state)
                s[0, n] -= 2 * eps
                slopes[-1].append((up - loss(t + 1, state)) / (2 * eps))
                s[0, n] += eps
        for layer, size in enumerate(sizes):
            first = sum(sizes[:layer])
            own = [slope for part in slopes[first : first + size] for slope in part]
            found[layer, len(x) - 1 - t] = float(np.linalg.norm(own))
    return found


@pytest.mark.parametrize("skip", [True, False], ids=["skip", "stack"])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("end", [0, 5], ids=["carried", "with resets"])
def test_norms_are_what_moves_of_the_state_do_to_the_loss(cell: str, skip: bool, end: int) -> None:
    options = {"activation": "tanh"} if cell == "elman" else {}
    model, p = network(cell, 2, skip=skip, **options)
    ids = text(9, end)
    norms, _ = gradients.gradients_by_lag(Network(model, p, bool(end)), ids, 8)
    moved = by_moves(model, p, ids, bool(end))
    found = {(norm.layer, norm.lag): norm.rms for norm in norms if norm.lag}
    assert {norm.positions for norm in norms} == {1}
    reach = 3 if end else 8  # what is read is EOS, 4 symbols, EOS, 3 symbols
    assert found.keys() == {(layer, lag) for layer in (0, 1) for lag in range(1, reach + 1)}
    for place, norm in found.items():
        assert norm == pytest.approx(moved[place], rel=1e-5)
    assert all(slope < 1e-9 for place, slope in moved.items() if place not in found)


def test_at_lag_0_the_norm_is_that_of_the_output_through_everything_above() -> None:
    """A move of h[t] in the lower layer, by its bias where it has no past."""
    model, p = network("elman", 2, activation="tanh", skip=False)
    p["hidden/0/W"] = np.zeros((H, H))
    ids = text(2)
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), ids, 1)
    q, x = probes.precise(Network(model, p, False)).weights, np.array([[EOS], [ids[0]]])
    g = q.like()
    before = model.recurrent.forward(q, (x[:1],), model.zero_state(1, np.float64), Workspace())[1]
    h = model.recurrent.forward(q, (x[1:],), before, Workspace())[1][0][0]
    model.gradient(q, g, Batch(x[1:], ids[1:, None]), before, PassContext(Workspace()))
    assert norms[0].layer == norms[0].lag == 0
    assert norms[0].rms == pytest.approx(float(np.linalg.norm(g["hidden/0/b"] / (1 - h**2))))


def test_positions_that_forgot_take_no_part() -> None:
    """Sequences of 6: of those positions whose loss sees k symbols after the last EOS, none reaches further."""
    model, p = linear(0.5)
    ids = text(600, 6)
    norms, _ = gradients.gradients_by_lag(Network(model, p, True), ids, 20)
    assert norms[-1].lag == 5
    steps = 64 + 20
    ends = np.unique(np.linspace(0, len(ids) - steps, 64).astype(int)) + steps - 1
    since = ends % 6  # symbols read after the EOS that is read
    for norm in norms:
        assert norm.positions == int((since >= norm.lag).sum())
    for norm in norms[1:]:
        assert norm.growth == pytest.approx(0.5, rel=1e-6)  # of the same positions, though there are ever fewer
    assert gradients.factor(norms) == pytest.approx(0.5, rel=1e-6)
    carried, _ = gradients.gradients_by_lag(Network(model, p, False), ids, 20)
    assert {norm.positions for norm in carried} == {64}


def test_the_factor_is_a_geometric_mean_that_weighs_positions() -> None:
    norm = gradients.LagNorm(0, 0, 4, 1.0, 1.0, 1.0, 1.0, math.nan)
    found = [norm, replace(norm, lag=1, growth=9.0), replace(norm, lag=2, growth=0.5)]
    assert gradients.factor(found) == 0.5
    found.append(replace(norm, lag=3, positions=12, growth=2.0))
    assert gradients.factor(found) == pytest.approx(2**0.5)
    assert gradients.factor([*found, replace(norm, lag=4, growth=0.0)]) == pytest.approx(2**0.5)
    assert math.isnan(gradients.factor(found[:2]))


def test_lags_need_a_text_that_is_longer() -> None:
    model, p = network(activation="tanh")
    assert gradients.gradients_by_lag(Network(model, p, False), text(8), 7)[0][-1].lag == 7
    with raises(InputError, "--lags"):
        gradients.gradients_by_lag(Network(model, p, False), text(8), 8)


class Bounded(Linear):
    """A layer that declares bounds, and may break them."""

    activation, bounds = "gated", (-1.0, 1.0)


def test_a_layer_without_a_state_has_no_norms() -> None:
    model, _ = network()
    layers: Any = (Elman((V,), H, "tanh", V), Bounded((H,), H), Elman((H,), H, "sigmoid"))
    model.__dict__["hidden"] = Stack(layers, prefix="hidden/")
    model.__dict__["readout"] = Linear((H,), V, "V", "c")
    p = model.initial(np.random.default_rng(0))
    norms, saturation = gradients.gradients_by_lag(Network(model, p, False), text(50), 5)
    assert [(n.layer, n.lag) for n in norms] == [(i, lag) for i in (0, 2) for lag in range(6)]
    assert [one.function for one in saturation] == ["tanh", "gated", "sigmoid"]
    moved = by_moves(model, p, text(6), False)
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(6), 5)
    for norm in norms:
        if norm.lag:
            assert norm.rms == pytest.approx(moved[norm.layer, norm.lag], rel=1e-5)
    p["hidden/1/b"] = np.full(H, 50.0)
    _, saturation = gradients.gradients_by_lag(Network(model, p, False), text(50), 5)
    assert [one.layer for one in saturation] == [0, 2]  # what is beyond the bounds that it declares is left out


def test_states_that_are_large_are_read_at_fewer_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    model, p = linear(0.5)
    monkeypatch.setattr(gradients, "MAX_STATE_NUMBERS", 20 * (10 * H + 1))
    norms, _ = gradients.gradients_by_lag(Network(model, p, False), text(300), 10)
    assert norms[0].positions == 20
    monkeypatch.setattr(gradients, "MAX_STATE_NUMBERS", 1)
    assert gradients.gradients_by_lag(Network(model, p, False), text(300), 10)[0][0].positions == 8


# saturation, eigenvalues


@pytest.mark.parametrize(
    ("activation", "bias", "share", "always"),
    [
        ("tanh", [9, 0, -9, 0], 0.5, 2),
        ("tanh", [1.8, 1.9, -1.8, -1.9], 0.5, 2),  # tanh of 1.832 is 0.95
        ("sigmoid", [9, 0, -9, 0], 0.5, 2),
        ("sigmoid", [2.9, 3.0, -2.9, -3.0], 0.5, 2),  # sigmoid of 2.944 is 0.95
        ("relu", [0.01, 9, -9, -0.01], 0.5, 2),
    ],
)
def test_saturation_is_where_a_function_is_flat(activation: str, bias: list[float], share: float, always: int) -> None:
    model, p = network(activation=activation)
    p.flat[:] = 0
    p["hidden/0/b"] = np.array(bias)
    _, (found,) = gradients.gradients_by_lag(Network(model, p, False), text(100), 10)
    assert found == probes.Saturation(0, activation, H, share, always)


def test_a_unit_that_is_flat_now_and_then_is_not_always() -> None:
    model, p = network(activation="relu")
    p.flat[:] = 0
    p["hidden/0/U"][1:] = np.array([[9, -9, -9, 9]])  # after EOS, where there is one, all are 0
    _, (found,) = gradients.gradients_by_lag(Network(model, p, False), text(100, 10), 10)
    assert found.always == 2 and 0.5 < found.share < 0.6
    _, (found,) = gradients.gradients_by_lag(
        Network(model, p, False), text(11, 5), 10
    )  # one position, where EOS is read last
    assert found.always == 2 and found.share == 0.6


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gated_cells_are_within_the_bounds_of_tanh(cell: str) -> None:
    model, p = network(cell, 2)
    p.flat[:] *= 0.25  # which leaves all values well within
    _, found = gradients.gradients_by_lag(Network(model, p, False), text(100), 10)
    assert found == [probes.Saturation(layer, "gated", H, 0, 0) for layer in (0, 1)]


def test_spectra_are_those_of_each_gate_by_name() -> None:
    model, p = network("gru", 2)
    found = probes.spectra(Network(model, p, False))
    assert list(found) == [f"hidden/{i}/W {gate}" for i in (0, 1) for gate in ("reset", "update", "new")]
    wanted = np.abs(np.linalg.eigvals(p["hidden/1/W"][:, H : 2 * H].astype(float)))
    assert np.abs(found["hidden/1/W update"]) == pytest.approx(np.sort(wanted)[::-1])
    assert probes.radius(found["hidden/1/W update"]) == pytest.approx(wanted.max())
    model, p = linear(0.25)
    assert probes.spectra(Network(model, p, False))["hidden/0/W"].tolist() == [0.25] * H


# activations


@pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])
@pytest.mark.parametrize("skip", [True, False], ids=["skip", "stack"])
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_a_reader_shows_every_layer_whatever_the_pieces(cell: str, skip: bool, reset: bool) -> None:
    model, p = network(cell, 3, skip=skip)
    ids = text(30, 7)
    whole = activations.ActivationReader(Network(model, p, reset))
    assert [(block.name, block.size) for block in whole.blocks] == [(str(i), H) for i in range(3)]
    found = whole.read(ids)
    assert [y.shape for y in found] == [(30, H)] * 3
    reader = activations.ActivationReader(Network(model, p, reset))
    parts = [reader.read(ids[a:b]) for a, b in ((0, 1), (1, 13), (13, 30))]
    for layer, y in enumerate(found):
        assert np.concatenate([part[layer] for part in parts]) == pytest.approx(y, abs=1e-6)
    x = np.append(EOS, ids)[:, None]
    keep = (x != EOS)[..., None].astype(np.float32) if reset else None
    ys, _, _ = model.recurrent.forward(p, (x,), model.zero_state(1), Workspace(), keep)
    for mine, y in zip(found[-len(ys) :], ys, strict=True):
        assert mine == pytest.approx(y[1:, 0], abs=1e-6)


def test_a_reader_knows_what_is_bounded() -> None:
    for options, bounded in (({"activation": "relu"}, False), ({"activation": "tanh"}, True), ({"cell": "gru"}, True)):
        assert activations.ActivationReader(Network(*network(**options), False)).bounded == bounded


# the check of gradients


def checked(model: Model, p: Parameters, ids: np.ndarray, samples: int = 8) -> dict[str, gradcheck.CheckedGradient]:
    return {one.array: one for one in gradcheck.check(Network(model, p, False), ids, samples, np.random.default_rng(0))}


NETWORKS = {
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu", "layers": 3},
    "sigmoid, stack": {"activation": "sigmoid", "layers": 2, "skip": False},
    "lstm": {"cell": "lstm", "layers": 2},
    "squared error": {"cell": "gru", "loss": "squared"},
    "delay only": {"delay": 2, "delay_only": True},
    "gru, stack": {"cell": "gru", "layers": 2, "skip": False},
}


@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("length", [1, 2, 20, 200])
def test_right_gradients_are_confirmed(options: dict[str, Any], length: int) -> None:
    model, p = network(**options)
    found = checked(model, p, text(length, 6))
    assert list(found) == list(p)
    assert all(one.good and one.error < 1e-5 for one in found.values()), found
    for name, one in found.items():
        assert one.weights + one.kinks == 2 * min(8, p[name].size)


@pytest.mark.parametrize("array", ["hidden/0/W", "hidden/0/U", "hidden/0/b", "readout/V", "readout/c"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_gradient_that_is_a_thousandth_off_is_found(array: str, activation: str) -> None:
    model, p = network(activation=activation)

    class Off(Model):
        def gradient(self, p: Any, g: Any, *rest: Any) -> Any:
            found = super().gradient(p, g, *rest)
            g[array][...] *= 1.001
            return found

    found = checked(Off(model.config, V), p, text(100))
    assert [name for name, one in found.items() if not one.good] == [array]
    assert found[array].error == pytest.approx(1e-3, rel=0.01)


def test_one_wrong_entry_is_found_where_all_are_looked_at() -> None:
    model, p = network(activation="tanh")

    class Off(Model):
        def gradient(self, p: Any, g: Any, *rest: Any) -> Any:
            found = super().gradient(p, g, *rest)
            g["hidden/0/W"][2, 1] = 0
            return found

    found = checked(Off(model.config, V), p, text(100), H * H)
    assert [name for name, one in found.items() if not one.good] == ["hidden/0/W"]


def test_a_gradient_that_is_wrong_at_resets_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model, p = network(activation="tanh")
    monkeypatch.setattr(elman, "with_rows_reset", lambda h, ended: nullcontext(h))
    found = checked(model, p, text(100))
    assert [name for name, one in found.items() if not one.good] == ["hidden/0/W"]


def test_dropout_is_off() -> None:
    model, p = network(activation="tanh")
    assert model.config.dropout == 0.5 and all(one.good for one in checked(model, p, text(100)).values())


def at_kinks(*places: float) -> gradcheck.CheckedGradient:
    """b of units of relu whose loss has kinks so far to the right and to the left of it, and which see nothing else."""
    model, p = network(activation="relu")
    p["hidden/0/W"], p["hidden/0/b"] = np.zeros((H, H)), np.zeros(H)
    p["hidden/0/U"][::2], p["hidden/0/U"][1::2] = np.array(places), -np.array(places)
    return checked(model, p, text(100))["hidden/0/b"]


def test_a_weight_between_kinks_is_left_out_and_one_beside_them_is_not() -> None:
    some = at_kinks(0.5, 5e-5, 1e-8, -1e-9)
    assert (some.weights, some.kinks) == (4, 4) and some.good
    none = at_kinks(1e-8, 2e-8, 3e-8, 4e-8)
    assert (none.weights, none.kinks) == (0, 2 * H) and math.isnan(none.error) and not none.good  # none was confirmed


def test_a_kink_on_one_side_only_does_no_harm() -> None:
    model, p = network(activation="relu")
    p["hidden/0/W"], p["hidden/0/U"] = np.zeros((H, H)), np.zeros_like(p["hidden/0/U"])
    p["hidden/0/b"] = np.array([1e-9, -1e-9, 0, 0.5])
    b = checked(model, p, text(100))["hidden/0/b"]
    assert (b.weights, b.kinks) == (2 * H, 0) and b.good


def test_a_loss_that_is_no_number_confirms_nothing() -> None:
    model, p = network(activation="tanh")
    p["readout/c"] = np.array([0, np.nan, 0, 0, 0])
    found = checked(model, p, text(100))
    assert not any(one.good for one in found.values())


def test_weights_are_as_they_were() -> None:
    model, p = network(activation="tanh")
    before = p.flat.copy()
    first = checked(model, p, text(100))
    assert (p.flat == before).all() and checked(model, p, text(100)) == first
