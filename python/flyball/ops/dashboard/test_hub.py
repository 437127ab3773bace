import asyncio
import json
import threading
from typing import Any

from flyball.ops.dashboard.hub import Hub, Listener


def hub(most: int = 8, *, thinned: bool = False) -> Hub:
    return Hub({"log": (most, thinned)})


def news(listener: Listener) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(listener.take())
    return found


def test_a_listener_is_told_everything_first_and_then_what_changed() -> None:
    async def told() -> None:
        found = hub()
        found.put("a", 1)
        found.put("b", {"x": None})
        found.add("log", ["one"])
        listener = found.listen()
        first = news(listener)
        assert first["n"] == 1
        assert first["topics"] == {"a": 1, "b": {"x": None}}
        assert first["logs"] == {"log": {"anew": True, "rows": ["one"]}}
        found.put("a", 2)
        found.put("a", 3)
        found.add("log", ["two", "three"])
        second = news(listener)
        assert second["topics"] == {"a": 3}, "the newest only"
        assert second["logs"] == {"log": {"anew": False, "rows": ["two", "three"]}}
        third = news(listener)
        assert (third["n"], third["topics"], third["logs"]) == (3, {}, {})
        assert set(third["ages"]) == {"a", "b"}, "how old things are is told all the same"

    asyncio.run(told())


def test_two_listeners_do_not_take_from_each_other() -> None:
    async def told() -> None:
        found = hub()
        one, two = found.listen(), found.listen()
        found.add("log", [1])
        assert news(one)["logs"]["log"]["rows"] == [1]
        found.add("log", [2])
        assert news(two)["logs"]["log"]["rows"] == [1, 2]
        assert news(one)["logs"]["log"]["rows"] == [2]

    asyncio.run(told())


def test_a_full_log_forgets_its_old_half() -> None:
    found = hub(8)
    found.add("log", list(range(9)))
    assert found.rows("log") == [4, 5, 6, 7, 8]


def test_a_thinned_log_keeps_its_beginning_and_never_grows() -> None:
    found = hub(64, thinned=True)
    for each in range(5_000):
        found.add("log", [each])
    rows = found.rows("log")
    assert len(rows) <= 64
    assert rows[0] == 0
    assert rows[-1] == 4_999
    assert rows == sorted(set(rows))


def test_a_log_that_was_replaced_begins_anew() -> None:
    async def told() -> None:
        found = hub()
        found.add("log", [5, 6])
        listener = found.listen()
        news(listener)
        found.replace("log", [1, 2, 5, 6])
        assert news(listener)["logs"]["log"] == {"anew": True, "rows": [1, 2, 5, 6]}
        found.replace("log", [])
        assert news(listener)["logs"]["log"] == {"anew": True, "rows": []}

    asyncio.run(told())


def test_a_thread_wakes_a_listener_that_waits_and_one_that_left_is_left_alone() -> None:
    async def told() -> None:
        found = hub()
        listener = found.listen()
        news(listener)
        thread = threading.Timer(0.05, found.put, ("a", 1))
        thread.start()
        await listener.wait(10.0)
        assert news(listener)["topics"] == {"a": 1}
        thread.join()
        await listener.wait(0.01)  # nothing new: it comes back all the same
        found.leave(listener)
        assert found.listeners == 0

    asyncio.run(told())


def test_a_loop_that_has_ended_is_forgotten() -> None:
    found = hub()

    async def listen() -> None:
        news(found.listen())

    asyncio.run(listen())
    assert found.listeners == 1
    found.put("a", 1)
    assert found.listeners == 0
