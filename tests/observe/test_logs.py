"""Logs: what is in them, and what never is."""

import io
import json
import pickle
import traceback
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from flyball.config.channels import Channel, Channels
from flyball.config.secret import Secret
from flyball.ops.health import health
from flyball.ops.logs import RunLog, redacted
from tests.observe.conftest import NOW_NS, recorded, run_info

CANARY = "tok3n-of-nobody-9c1d"
KEY = "0x" + "1f" * 32


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return RunLog(replace(run_info(tmp_path), journal="state/run-000007"))


def test_every_line_names_its_run(log: RunLog) -> None:
    log.started()
    log.say("something", count=3)
    log.ended()
    found = lines(log.path)
    assert [it["event"] for it in found] == ["started", "something", "ended"]
    assert {it["run"] for it in found} == {"run-000007"}
    assert found[0]["strategies"] == ["Holder"]
    assert log.path.stat().st_mode & 0o077 == 0


def test_what_the_engine_says_is_noted_once_with_its_order(log: RunLog) -> None:
    status = recorded()
    status["notices"] = [
        [NOW_NS, {"OutcomeUnknown": {"instrument": 0, "client_order_id": 12}}],
        [NOW_NS + 1, {"Account": {"known": True}}],
    ]
    run = run_info(log.path.parent)
    well = health(run, status, now_ns=NOW_NS, disk_free=50 << 30)
    for _ in range(3):
        log.look(status, well)
    log.ended()
    first, second, _ = lines(log.path)
    assert (first["kind"], first["order"], first["instrument"]) == ("OutcomeUnknown", 12, "XRP")
    assert first["level"] == "warning"
    assert second["kind"] == "Account"


def test_a_part_that_changes_is_noted_when_it_does(log: RunLog) -> None:
    run, status = run_info(log.path.parent), recorded()
    for free in (50 << 30, 50 << 30, 1 << 20, 1 << 20, 50 << 30):
        log.look(status, health(run, status, now_ns=NOW_NS, disk_free=free))
    log.ended()
    changes = [(it["part"], it["was"], it["state"]) for it in lines(log.path)[:-1]]
    assert changes == [("storage", "ok", "failed"), ("storage", "failed", "ok")]


SECRETS = [
    f"0x{'ab' * 32}",
    "CD" * 32,
]


@given(
    before=st.text(max_size=20),
    after=st.text(max_size=20).filter(lambda it: not it[:1].isalnum()),
    secret=st.sampled_from(SECRETS),
)
def test_a_key_in_a_text_is_never_written(before: str, after: str, secret: str) -> None:
    text = f"{before} {secret}{after}"
    assert secret.removeprefix("0x") not in str(redacted({"a": [text, {"b": text}]}))


@pytest.mark.parametrize(
    "text",
    [
        f"json://127.0.0.1/?token={CANARY}",
        f"mailto://user:{CANARY}@example.org",
        f'{{"password": "{CANARY}"}}',
        f"api_key={CANARY}&x=1",
        f"secret: {CANARY}",
    ],
)
def test_tokens_of_others_are_not_written(text: str) -> None:
    assert CANARY not in str(redacted(text))


def test_a_secret_cannot_be_shown_by_any_way(log: RunLog) -> None:
    secret = Secret(CANARY)
    for show in (str, format, "{}".format, lambda it: f"{it}", lambda it: it.__format__("")):
        with pytest.raises(TypeError):
            show(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    shown = [repr(secret), repr([secret]), repr(Channel(name="a", url=secret))]
    shown.append(repr(Channels(channels=(Channel(name="a", url=secret),))))
    log.say(
        "a secret", secret=secret, inside={"deep": [secret]}, channel=Channel(name="a", url=secret)
    )
    log.ended()
    shown.append(log.path.read_text())
    assert CANARY not in "".join(shown)
    assert secret.hide_in(f"it was {CANARY}") == "it was …"


def test_a_failure_with_a_secret_in_reach_shows_none(log: RunLog) -> None:
    secret = Secret(KEY)

    def fail() -> None:
        raise ValueError(f"cannot use {secret!r}")

    try:
        fail()
    except ValueError:
        text = traceback.format_exc()
        log.say("failed", error=text, agent_key=KEY[:20])
    log.ended()
    assert KEY[2:20] not in text + log.path.read_text()


def test_the_redactor_is_needed() -> None:
    """The canary is found where it is not redacted: this test could fail."""
    out = io.StringIO()
    bare = structlog.wrap_logger(
        structlog.WriteLogger(out), processors=[structlog.processors.JSONRenderer()]
    )
    bare.info("x", key=KEY)
    assert KEY in out.getvalue()
