from flyball.ops.report.events import exits, incidents, refusals, trips
from flyball.ops.report.run import Run
from flyball.ops.report.test_example import DROP, START_NS, result
from flyball.trading.runtime.result import Notice

SECOND = 10**9
ONE = {"Instrument": 0}


def _run(*notices: Notice) -> Run:
    return Run(result(notices=notices), label="a", index=0)


def _exit(after_s: float, reason: object) -> Notice:
    about = {"instrument": 0, "reason": reason, "position": 1}
    return Notice(START_NS + round(after_s * SECOND), "Exit", about)


def _flat(after_s: float, reason: object, *, scope: object = ONE, attempts: int = 1) -> Notice:
    about = {"scope": scope, "reason": reason, "took_ns": 1, "attempts": attempts}
    return Notice(START_NS + round(after_s * SECOND), "Flat", about)


def test_a_trip_is_over_when_the_venue_says_that_all_is_flat() -> None:
    after = (DROP.time_ns - START_NS) / SECOND
    reason = {"Switch": "drawdown"}
    one = _flat(after + 1, reason)
    every = _flat(after + 2, reason, scope="All", attempts=3)
    (trip,) = trips(_run(DROP, one, every))
    assert trip.flat_ns == 2 * SECOND
    assert trip.attempts == 3
    assert (trip.limit, trip.actual) == ("5\u202f%", "5.011\u202f%")


def test_a_word_from_before_the_trip_confirms_nothing() -> None:
    reason = {"Switch": "drawdown"}
    (trip,) = trips(_run(_flat(0, reason, scope="All"), DROP))
    assert trip.flat_ns is None


def test_a_word_about_another_switch_confirms_nothing() -> None:
    (trip,) = trips(_run(DROP, _flat(1e4, {"Switch": "emergency"}, scope="All")))
    assert trip.flat_ns is None


def test_exits_are_counted_by_reason_and_timed() -> None:
    run = _run(
        _exit(0, "MaxHolding"),
        _flat(0.04, "MaxHolding"),
        _exit(10, "MaxHolding"),
        _flat(10.08, "MaxHolding", attempts=3),
        _exit(20, "Stop"),
        _flat(20.03, "Stop"),
    )
    held, stopped = exits(run)
    assert (held.name, held.count, held.confirmed, held.attempts) == ("MaxHolding", 2, 2, 3)
    assert (held.median_ns, held.longest_ns) == (60_000_000, 80_000_000)
    assert (stopped.name, stopped.count) == ("Stop", 1)


def test_a_switch_that_takes_over_confirms_the_exit() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _flat(0.03, {"Switch": "drawdown"})))
    assert stopped.confirmed == 1


def test_the_next_exit_confirms_nothing() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _exit(5, "Stop"), _flat(6, "Stop")))
    assert (stopped.count, stopped.confirmed) == (2, 1)


def test_another_instrument_confirms_nothing() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _flat(6, "Stop", scope={"Instrument": 1})))
    assert stopped.confirmed == 0
    assert stopped.median_ns is None


def test_refusals_have_the_newest_numbers() -> None:
    (refused,) = refusals(Run(result(), label="a", index=0))
    assert (refused.rule, refused.count) == ("max_concentration", 77)
    assert refused.example == "9,611.91 against 2,400.63 USDT"


def test_other_events_are_counted() -> None:
    late = [Notice(START_NS + at, "FlattenLate", {}) for at in (1, 5)]
    new = Notice(START_NS, "SomethingNew", {})
    ((said, count, first, last),) = incidents(_run(*late, new))
    assert "longer than it may" in said
    assert (count, first - START_NS, last - START_NS) == (2, 1, 5)
