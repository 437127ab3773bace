import numpy as np

from flyball.ops.report.events import exits, incidents, refusals, trips
from flyball.ops.report.run import Run
from flyball.ops.report.test_example import DROP, START_NS, fills, result
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


def _trip(switch: str, instrument: int | None = None) -> Notice:
    about = {"switch": switch, "instrument": instrument, "limit": 5 * 10**12, "actual": 6 * 10**12}
    return Notice(START_NS, "Tripped", about)


def test_a_trip_is_over_when_the_venue_says_that_all_is_flat() -> None:
    after = (DROP.time_ns - START_NS) / SECOND
    reason = {"Switch": "drawdown"}
    one = _flat(after + 1, reason, attempts=3)
    every = _flat(after + 2, reason, scope="All", attempts=7)
    (trip,) = trips(_run(DROP, one, every))
    assert trip.over_ns == 2 * SECOND
    assert trip.orders == 3
    assert (trip.limit, trip.actual) == ("5\u202f%", "5.011\u202f%")
    assert not trip.is_open


def test_a_word_from_before_the_trip_confirms_nothing() -> None:
    (trip,) = trips(_run(_flat(0, {"Switch": "drawdown"}, scope="All"), DROP))
    assert trip.over_ns is None
    assert trip.is_open


def test_one_word_that_all_is_flat_ends_every_trip_before_it() -> None:
    flat = _flat(3, {"Switch": "drawdown"}, scope="All")
    found = trips(_run(_trip("drawdown"), _trip("emergency"), flat))
    assert [trip.over_ns for trip in found] == [3 * SECOND] * 2


def test_one_flat_position_is_not_all() -> None:
    (trip,) = trips(_run(_trip("emergency"), _flat(3, {"Switch": "emergency"})))
    assert trip.is_open


def test_a_loss_of_one_position_is_over_when_that_one_is_flat() -> None:
    other = _flat(1, {"Switch": "position_loss"}, scope={"Instrument": 1})
    (trip,) = trips(_run(_trip("position_loss", 0), other, _flat(2, "Stop")))
    assert trip.over_ns == 2 * SECOND


def test_leverage_is_reduced_not_closed() -> None:
    (trip,) = trips(_run(_trip("leverage")))
    assert trip.reduces
    assert not trip.is_open
    end = Notice(START_NS + SECOND, "Released", {"switch": "leverage", "instrument": None})
    (trip,) = trips(_run(_trip("leverage"), end))
    assert trip.over_ns == SECOND
    (left,) = exits(_run(_exit(0, {"Switch": "leverage"})))
    assert left.unconfirmed == 0


def test_margin_closes_the_largest() -> None:
    (trip,) = trips(_run(_trip("margin"), _flat(1, "Stop"), _flat(2, {"Switch": "margin"})))
    assert trip.over_ns == 2 * SECOND


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
    assert (held.name, held.count, held.unconfirmed, held.attempts) == ("MaxHolding", 2, 0, 3)
    assert (held.median_ns, held.longest_ns) == (60_000_000, 80_000_000)
    assert (stopped.name, stopped.count) == ("Stop", 1)


def test_a_switch_that_takes_over_confirms_the_exit() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _flat(0.03, {"Switch": "drawdown"})))
    assert stopped.unconfirmed == 0


def test_the_next_exit_confirms_nothing() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _exit(5, "Stop"), _flat(6, "Stop")))
    assert (stopped.count, stopped.unconfirmed) == (2, 1)


def test_another_instrument_confirms_nothing() -> None:
    (stopped,) = exits(_run(_exit(0, "Stop"), _flat(6, "Stop", scope={"Instrument": 1})))
    assert stopped.unconfirmed == 1
    assert stopped.median_ns is None


def _stopped(*notices: Notice) -> Run:
    """The second fill, 150 s after the start, was of the stop at the venue."""
    filled = fills() | {"order": np.array([1, 3], dtype=np.uint64)}
    return Run(result(notices=notices, fills=filled), label="a", index=0)


def test_a_stop_that_the_venue_filled_is_an_exit() -> None:
    (stopped,) = exits(_stopped(_exit(0, "Operator"), _flat(149, "Operator")))[1:]
    assert (stopped.name, stopped.count, stopped.median_ns) == ("at the venue", 1, None)


def test_a_stop_that_the_engine_saw_too_is_one_exit() -> None:
    (stopped,) = exits(_stopped(_exit(150, "Stop"), _flat(151, "Stop")))
    assert (stopped.name, stopped.count) == ("Stop", 1)


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


def test_what_live_runs_say_of_strategies_and_accounts_is_told_in_words() -> None:
    def attention(how: str) -> Notice:
        return Notice(START_NS, "Attention", {"strategy": 0, "attention": how})

    found = incidents(
        _run(
            Notice(START_NS, "Account", {"known": False}),
            Notice(START_NS, "Account", {"known": True}),
            attention("Late"),
            attention("Awake"),
            attention("Late"),
            attention("Gone"),
        )
    )
    said = {words: count for words, count, _, _ in found}
    assert said == {
        "what happens to the account was not heard: no new risk": 1,
        "a strategy was late: it could only reduce": 2,
        "a strategy was asked nothing more: it failed, or the run ended": 1,
    }
