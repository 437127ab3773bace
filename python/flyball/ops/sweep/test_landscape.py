from collections.abc import Sequence

import numpy as np

from flyball.ops.sweep.desk import Grid
from flyball.ops.sweep.landscape import landscape, marginals, neighbours
from flyball.ops.sweep.space import Parameters, Space
from flyball.ops.sweep.trial import Job, Trial
from flyball.ops.sweep.tried import Tried


def _tried(combinations: Sequence[Parameters]) -> Tried:
    nothing = np.zeros(4, dtype=np.float32)
    trials = [Trial(job=Job(parameters=one), returns=nothing) for one in combinations]
    return Tried.of(trials, steps=Grid(first_ns=0, step_ns=1, steps=4))


def test_a_map_has_a_cell_for_each_pair_and_its_median_over_the_rest() -> None:
    space = Space.of(["a=1..3:1", "b=x,y", "c=7,8"], ["a!=2"])
    tried = _tried(list(space.grid()))
    scores = np.arange(8, dtype=np.float64)  # a=1: bc 0 1 2 3, a=3: 4 5 6 7
    found = landscape(tried, 7, scores, space)
    assert found is not None
    assert (found["x"], found["y"], found["others"]) == ("a", "b", ["c"])
    assert (found["columns"], found["rows"]) == (["1", "3"], ["x", "y"])
    assert found["cells"] == [[0.5, 4.5], [2.5, 6.5]]
    assert found["best"] == [1, 1]


def test_what_nobody_tried_has_no_cell() -> None:
    space = Space.of(["a=1..2:1", "b=1..2:1"], ["a<=b"])
    found = landscape(_tried(list(space.grid())), 0, np.array([1.0, 2.0, 3.0]), space)
    assert found is not None
    assert found["cells"] == [[1.0, None], [2.0, 3.0]]


def test_one_parameter_has_no_map() -> None:
    space = Space.of(["a=1..3:1", "b=4,5"], ["b<5"])
    assert landscape(_tried(list(space.grid())), 0, np.zeros(3), space) is None


def test_values_of_a_range_are_put_together() -> None:
    space = Space.of(["a=0.0..1.0", "b=0.001..1000:log"])
    drawn = space.drawn(500, seed=1)
    scores = np.array([float(one["a"]) for one in drawn])
    by_a, by_b = marginals(_tried(list(drawn)), scores, space)
    assert len(by_a["values"]) == len(by_b["values"]) == 12
    assert by_a["median"] == sorted(by_a["median"])
    assert all(len(name) <= 9 for name in [*by_a["values"], *by_b["values"]])


def test_neighbours_on_a_grid_are_one_step_away() -> None:
    space = Space.of(["a=1..5:1", "b=10..30:10"])
    combinations = list(space.grid())
    scores = np.array([float(one["a"]) * 10 + float(one["b"]) / 10 for one in combinations])
    best = combinations.index({"a": 3, "b": 20})
    scores[best] = 100.0
    found = neighbours(_tried(combinations), best, scores, space)
    # a=2 and 4 with b=20, b=10 and 30 with a=3.
    assert found == {
        "kind": "one step away in one parameter",
        "count": 4,
        "median": 32.0,
        "worst": 22.0,
        "share": 0.32,
    }


def test_neighbours_of_chance_are_the_nearest() -> None:
    space = Space.of(["a=0.0..1.0"])
    values = [0.5, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.0, 1.0]
    tried = _tried([{"a": value} for value in values])
    scores = np.array([5.0, *([1.0] * 8), 9.0, 9.0])
    found = neighbours(tried, 0, scores, space)
    assert found is not None
    assert (found["kind"], found["count"]) == ("nearest", 8)
    assert found["median"] == 1.0
