"""What fires together is one incident; what goes on firing is not told again."""

import math

from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.detection.grouping import Alarm, Grouping


def alarm(time_s: float, metric: str = "feed age", detector: str = "z") -> Alarm:
    return Alarm(time_s=time_s, metric=metric, detector=detector, score=9.0, value=math.nan)


def test_what_fires_within_a_minute_is_one_incident_that_names_its_metrics() -> None:
    groups = Grouping(together_s=60, refractory_s=600)
    (found,) = groups.update([alarm(0), alarm(10, "open orders"), alarm(10, "open orders")])
    assert groups.update([alarm(70, "memory")]) == []
    assert (found.metrics, found.count, len(found.alarms)) == (
        ("feed age", "open orders", "memory"),
        4,
        3,
    )
    assert [each.number for each in groups.update([alarm(131, "clock")])] == [2]


def test_a_metric_that_goes_on_is_told_again_only_after_a_quiet_time() -> None:
    groups = Grouping(together_s=60, refractory_s=600)
    told = [at for at in range(0, 3_600, 100) if groups.update([alarm(at)])]
    assert told == [0]
    assert groups.update([alarm(3_500 + 601)])


def test_a_fault_that_lasts_does_not_hide_the_next_one() -> None:
    groups = Grouping(together_s=60, refractory_s=600, longest_s=900)
    for at in range(2_000):
        groups.update([alarm(at)])
    assert groups.update([alarm(2_000, "memory")])


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc")), max_size=80))
def test_incidents_never_begin_within_a_metrics_refractory_time(
    steps: list[tuple[int, str]],
) -> None:
    groups = Grouping(together_s=60, refractory_s=600)
    time_s, last = 0.0, dict[str, float]()
    for step, metric in steps:
        time_s += step
        if groups.update([alarm(time_s, metric)]):
            assert time_s - last.get(metric, -math.inf) >= 600
        last[metric] = time_s
