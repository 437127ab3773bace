"""Who may command, what a code confirms, and what a chat can never do."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.config.channels import Chat
from flyball.config.secret import Secret
from flyball.errors import ConfigError
from flyball.ops.chat.desk import HELP, Answer, Desk

ANN, BEN, CHAT = 1, 2, -100
NOW = 1_795_246_840
CODE = re.compile(r"/(?:kill|flatten) (\d{6})")


class Run:
    """A run that remembers what it was asked."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.left = Decimal("0.5")

    def status(self) -> str:
        return "well"

    def alerts(self) -> str:
        return "nothing fires"

    def acknowledge(self, ids: set[str], by: str) -> str:
        self.done.append(f"ack {','.join(sorted(ids))} {by}")
        return "acknowledged"

    def share(self) -> Decimal:
        return self.left

    def restrict(self, share: Decimal) -> None:
        self.done.append(f"restrict {share}")
        self.left = share

    def check(self, scope: str) -> None:
        if scope not in ("all", "instrument:XRP"):
            raise ConfigError(f"no such scope: {scope}")

    def kill(self, scope: str) -> str:
        self.done.append(f"kill {scope}")
        return "killed"

    def flatten(self) -> str:
        self.done.append("flatten")
        return "closing"

    def flat(self, patience_s: float) -> bool:
        self.done.append(f"flat {patience_s > 0}")
        return True


class Talk:
    """A desk, its run, and people who write."""

    def __init__(self) -> None:
        chat = Chat(
            token=Secret("t"), chats=frozenset({CHAT, ANN}), users=frozenset({ANN, BEN}), code_s=60
        )
        self.run = Run()
        self.desk = Desk(chat, self.run)
        self.at_s = 0.0
        self.number = 0

    def update(self, text: object, *, user: object = ANN, chat: object = CHAT, **more: Any) -> Any:  # noqa: ANN401
        self.number += 1
        message = {"from": {"id": user}, "chat": {"id": chat}, "date": NOW, "text": text, **more}
        return {"update_id": self.number, "message": message}

    def take(self, update: Any) -> Answer | None:  # noqa: ANN401
        return self.desk.take(update, now_s=float(NOW), at_s=self.at_s)

    def write(self, text: str, **about: Any) -> Answer | None:  # noqa: ANN401
        return self.take(self.update(text, **about))

    def said(self, text: str, **about: Any) -> str:  # noqa: ANN401
        found = self.write(text, **about)
        assert found is not None, f"silence to {text}: {self.desk.counts}"
        return found.text

    def code(self, text: str, **about: Any) -> str:  # noqa: ANN401
        found = CODE.search(self.said(text, **about))
        assert found is not None
        return found[1]


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_looking_is_answered(talk: Talk) -> None:
    assert talk.said("/status") == "well"
    assert talk.said("/alerts@my_bot") == "nothing fires"
    assert talk.said("/ack 1f0c93ab") == "acknowledged"
    assert talk.said("/help") == HELP
    assert talk.run.done == [f"ack 1f0c93ab user {ANN} in the chat"]


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"user": 3}, "stranger"),
        ({"chat": 3}, "stranger"),
        ({"user": "1"}, "stranger"),
        ({"user": None}, "stranger"),
        ({"date": NOW - 61}, "stale"),
        ({"date": NOW + 61}, "stale"),
        ({"date": None}, "stale"),
        ({"forward_date": NOW}, "replayed"),
        ({"forward_origin": {}}, "replayed"),
        ({"via_bot": {}}, "replayed"),
        ({"sender_chat": {"id": CHAT}}, "replayed"),
        ({"text": 5}, "other"),
        ({"text": "kill"}, "other"),
    ],
)
def test_what_is_no_command_of_ours_is_counted_and_not_answered(
    talk: Talk, about: dict[str, Any], why: str
) -> None:
    update = talk.update("/kill")
    for key, value in about.items():
        if key in ("user", "chat"):
            update["message"]["from" if key == "user" else "chat"] = {"id": value}
        else:
            update["message"][key] = value
    assert talk.take(update) is None
    assert talk.desk.counts == {why: 1}
    assert talk.run.done == []


def test_the_first_strangers_are_named_at_the_machine_and_not_more(talk: Talk) -> None:
    for user in (7, 7, *range(10, 30)):
        assert talk.write("/start", user=user) is None
    assert talk.desk.strangers == [(7, CHAT), *((user, CHAT) for user in range(10, 14))]
    assert talk.desk.counts == {"stranger": 22}


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"update_id": "5"},
        {"update_id": True},
        {"update_id": 5},
        {"update_id": 6, "message": []},
    ],
)
def test_an_update_without_a_message_is_nothing(talk: Talk, update: dict[str, Any]) -> None:
    assert talk.take(update) is None
    assert talk.desk.counts == {"other": 1}


def test_an_update_is_taken_once(talk: Talk) -> None:
    digits = talk.code("/kill")
    update = talk.update(f"/kill {digits}")
    assert talk.take(update) is not None
    assert talk.take(update) is None
    assert talk.desk.counts["replayed"] == 1
    assert talk.run.done == ["kill all"]


@pytest.mark.parametrize(("act", "done"), [("kill", "kill all"), ("flatten", "flatten")])
def test_what_closes_wants_a_code_of_whoever_asked(talk: Talk, act: str, done: str) -> None:
    digits = talk.code(f"/{act}")
    other = "flatten" if act == "kill" else "kill"
    assert "no such code" in talk.said(f"/{act} {digits}", user=BEN)
    assert "no such code" in talk.said(f"/{act} {digits}", chat=ANN)
    assert talk.run.done == []
    found = talk.write(f"/{act} {digits}")
    assert found is not None
    assert found.then is not None
    assert found.then() == "flat, says the venue"
    assert talk.run.done == [done, "flat True"]
    assert "no such code" in talk.said(f"/{act} {digits}"), "a code is good once"
    digits = talk.code(f"/{act}")
    assert "no such code" in talk.said(f"/{other} {digits}"), "and for one thing"


def test_a_code_is_over_after_its_time(talk: Talk) -> None:
    digits = talk.code("/kill")
    talk.at_s = 60.1
    assert "it is over" in talk.said(f"/kill {digits}")
    assert talk.run.done == []


def test_guessing_ends_a_code(talk: Talk) -> None:
    digits = talk.code("/kill")
    wrong = "000000" if digits != "000000" else "111111"
    for _ in range(3):
        assert "not the code" in talk.said(f"/kill {wrong}")
    assert "no such code" in talk.said(f"/kill {digits}")
    assert talk.run.done == []


def test_a_scope_is_confirmed_with_its_code(talk: Talk) -> None:
    assert "no such scope" in talk.said("/kill instrument:DOGE")
    digits = talk.code("/kill instrument:XRP")
    talk.said(f"/kill {digits}")
    assert talk.run.done == ["kill instrument:XRP"]
    assert talk.desk.counts["refused"] == 1


def test_a_chat_only_makes_the_share_smaller(talk: Talk) -> None:
    for text in ("0.51", "1", "-1", "2", "nan", "inf", "", "a lot", "1e-400000"):
        talk.said(f"/restrict {text}")
        assert talk.run.done == [], text
    talk.said("/restrict 0.25")
    assert "at the machine" in talk.said("/restrict 0.5")
    talk.said("/restrict 0")
    assert talk.run.done == ["restrict 0.25", "restrict 0"]


def test_one_person_cannot_keep_it_busy(talk: Talk) -> None:
    for _ in range(20):
        talk.said("/status")
    assert talk.write("/status") is None
    assert talk.desk.counts["busy"] == 1
    assert talk.said("/status", user=BEN) == "well"
    talk.at_s = 61.0
    assert talk.said("/status") == "well"


def test_every_name_that_the_help_tells_is_a_command(talk: Talk) -> None:
    for name in re.findall(r"^/(\w+)", HELP, re.MULTILINE):
        assert talk.said(f"/{name}") != HELP, name


@given(st.lists(st.text(max_size=40), max_size=30))
def test_words_without_a_code_never_close_or_release_anything(texts: list[str]) -> None:
    talk = Talk()
    talk.run.left = Decimal(0)
    for number, text in enumerate(texts):
        talk.at_s = number * 10.0
        talk.write(f"/{text}")
        for name in ("kill", "flatten", "resume", "release", "restrict", "reset"):
            talk.at_s += 10.0
            talk.write(f"/{name} x{text}")
    assert not [it for it in talk.run.done if not it.startswith(("ack", "restrict 0"))]
