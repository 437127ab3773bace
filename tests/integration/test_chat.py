"""Commands from a chat to a live run: a real `flyball run`, a local Bot API, a local exchange."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.config.channels import Chat, load_channels
from flyball.config.secret import Secret
from flyball.errors import ConfigError
from flyball.ops.chat import AskedRun, Bot, Chatting, Unreachable, chat_state
from flyball.ops.cli.looks import health_of
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.runs import read_run
from tests.integration.botapi import ANN, CHAT, STRANGER, TOKEN, BotApi
from tests.integration.conftest import Run
from tests.integration.livetools import Running, child_of, running, wait_for
from tests.integration.standin import StandIn

CODE = re.compile(r"/(?:kill|flatten) (\d{6})")


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as found:
        yield found


def channels(folder: Path, url: str, *, more: str = "") -> Path:
    path = folder / "channels.toml"
    path.write_text(
        f'[chat]\ntoken = "{TOKEN}"\nchats = [{CHAT}]\nusers = [{ANN}]\napi = "{url}"\n{more}'
    )
    path.chmod(0o600)
    return path


def code(api: BotApi, words: str) -> str:
    """The code that the bot gives for a command."""
    api.write(words)
    found = CODE.search(api.wait_said("Within"))
    assert found is not None
    return found[1]


def counted(run: Running, why: str) -> int:
    found = chat_state(run.state)
    return 0 if found is None else int(found["counts"].get(why, 0))


def test_a_run_is_commanded_from_a_chat(
    api: BotApi, exchange: LocalExchange, tmp_path: Path
) -> None:
    options = ("--alerts", str(channels(tmp_path, api.url)), "--no-sentinel", "--metrics", "none")
    with running(exchange, tmp_path, "Holder", *options) as run:
        run.wait_protected()
        api.write("/status")
        said = api.wait_said("equity")
        assert "XRP: +400 at" in said
        assert "simulated" in said
        assert "NO STOP" not in said

        api.write("/kill", user=STRANGER)
        api.write("/kill", chat=STRANGER)
        api.write("/kill", ago_s=120)
        wait_for(lambda: counted(run, "stranger") == 2, seconds=10, why="strangers not counted")
        wait_for(lambda: counted(run, "stale") == 1, seconds=10, why="stale not counted")
        assert not api.said, "nobody is answered who is not listed"

        api.write("/restrict 0.5")
        api.wait_said("50%")
        assert run.status()["share"] == 0.5
        api.write("/restrict 1")
        api.wait_said("at the machine")
        assert run.status()["share"] == 0.5

        # While it holds nothing back, what is closed once is opened again by its strategy.
        api.write(f"/flatten {code(api, '/flatten')}")
        api.wait_said("closing everything")

        run.wait_protected()
        digits = code(api, "/kill")
        api.write("/kill 0" if digits != "0" else "/kill 1")
        api.wait_said("not the code")
        assert not run.status()["killed"]
        api.write(f"/kill {digits}")
        api.wait_said("killed all")
        api.wait_said("flat, says the venue")
        assert run.status()["killed"]
        assert run.held() == {}

        for words in ("/resume", "/release all", "/reset operator", "/kill release", "/restrict 1"):
            api.write(words)
            api.wait_said("")
        assert run.status()["killed"], "nothing in a chat releases a kill"
        history = run.state / "alerts" / "history.jsonl"
        wait_for(
            lambda: history.exists() and "Trading is killed" in history.read_text(),
            seconds=10,
            why="no alert",
        )
        api.write("/alerts")
        assert "Trading is killed" in api.wait_said("")
        ended = run.end()
    assert TOKEN not in ended["stderr"]
    assert ended["stderr"].count(f"not listed, not answered: user {STRANGER} in chat {CHAT}") == 1
    assert "chat: user 4242: killed all" in ended["stderr"]
    assert "chat: user 4242: killed all" in (run.state / "log.jsonl").read_text()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "channels.toml":
            assert TOKEN.encode() not in path.read_bytes(), path


def test_a_run_goes_on_while_the_service_is_away(
    api: BotApi, exchange: LocalExchange, tmp_path: Path
) -> None:
    api.status = 502
    options = ("--alerts", str(channels(tmp_path, api.url)), "--no-sentinel", "--metrics", "none")
    with running(exchange, tmp_path, "Holder", *options) as run:
        run.wait_protected()
        wait_for(
            lambda: (chat_state(run.state) or {}).get("failing"), seconds=15, why="not noticed"
        )
        run_info = read_run(run.state)
        part = health_of(run_info, run.status())["alerts"]
        assert (part.state, "no commands are taken" in part.reason) == ("degraded", True)
        api.status = 200
        api.write("/status")
        api.wait_said("equity", seconds=20)
        wait_for(
            lambda: health_of(run_info, run.status())["alerts"].state == "ok",
            seconds=10,
            why="its health is not good again",
        )
        ended = run.end()
    assert "no commands are taken: it answers 502; the run goes on" in ended["stderr"]
    assert "commands are taken again" in ended["stderr"]


def test_a_kill_comes_through_while_a_strategy_holds_pythons_lock(
    api: BotApi, exchange: LocalExchange, tmp_path: Path
) -> None:
    options = ("--alerts", str(channels(tmp_path, api.url)), "--no-sentinel", "--metrics", "none")
    with running(exchange, tmp_path, "Grabber", *options) as run:
        api.write("/alerts")
        api.wait_said("")
        run.wait_protected()
        time.sleep(1.0)
        api.write(f"/kill {code(api, '/kill')}")
        api.wait_said("killed all")
        api.wait_said("flat, says the venue")
        assert run.held() == {}
        child = child_of(run.process.pid, "chat")
        assert child is not None
        run.crash()
        wait_for(lambda: not Path(f"/proc/{child}").exists(), seconds=10, why="the child stays")


@pytest.fixture
def talking(api: BotApi, tmp_path: Path) -> Iterator[tuple[StandIn, Chatting]]:
    with (
        StandIn(tmp_path / "s") as stand,
        Chatting(stand.folder, _chat(api), AskedRun(stand.folder), tell=lambda _: None) as found,
    ):
        yield stand, found


def _chat(api: BotApi) -> Chat:
    users, chats = frozenset({ANN}), frozenset({CHAT})
    return Chat(token=Secret(TOKEN), chats=chats, users=users, api=api.url)


def test_what_was_taken_is_not_taken_again_after_a_restart(
    api: BotApi, talking: tuple[StandIn, Chatting]
) -> None:
    stand, found = talking
    stand.close_position()
    digits = code(api, "/kill")
    api.write(f"/kill {digits}")
    api.wait_said("killed")
    assert stand.acts == [("kill", "all")]
    wait_for(lambda: len(api.polls) > 2 and "offset" in api.polls[-1], seconds=5, why="no offset")
    last = found.desk.last
    found.__exit__()
    with Chatting(stand.folder, _chat(api), AskedRun(stand.folder), tell=lambda _: None) as again:
        assert again.desk.last == last
        # A service that forgets what it has handed out.
        old: dict[str, Any] = {"update_id": last, "message": {"text": f"/kill {digits}"}}
        again._take(old)
        assert again.desk.counts["replayed"] == 1
    assert stand.acts == [("kill", "all")]


def test_without_an_answer_the_file_kills(api: BotApi, talking: tuple[StandIn, Chatting]) -> None:
    stand, _ = talking
    digits = code(api, "/kill")
    stand.end()
    api.write(f"/kill {digits}")
    api.wait_said("the file KILL was written")
    assert (stand.folder / "KILL").exists()


def test_what_cannot_be_remembered_is_not_done(
    api: BotApi, talking: tuple[StandIn, Chatting]
) -> None:
    stand, found = talking
    digits = code(api, "/kill")
    found._path = stand.folder / "a disk that is gone" / "chat.json"
    number = found.desk.last + 1
    api.write(f"/kill {digits}")
    wait_for(lambda: found.desk.last >= number, seconds=5, why="it was not looked at")
    time.sleep(0.2)
    assert stand.acts == []


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "the token is wrong"), (409, "another bot listens"), (429, "429"), (302, "302")],
)
def test_no_error_names_the_token_and_no_redirect_is_followed(
    api: BotApi, status: int, said: str
) -> None:
    api.status = status
    with pytest.raises(Unreachable, match=said) as found:
        Bot(api.url, Secret(TOKEN)).updates(None, wait_s=0)
    assert found.value.code == status
    assert TOKEN not in repr(found.value)
    assert found.value.__cause__ is None


def test_an_address_that_nobody_listens_at_is_away(api: BotApi) -> None:
    url = api.url
    api._server.server_close()
    with pytest.raises(Unreachable, match="does not answer"):
        Bot(url.replace("127.0.0.1", "127.0.0.9"), Secret(TOKEN)).updates(None, wait_s=0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('api = "http://api.example.org"', "wants https://"),
        ('api = "file:///etc"', "wants https://"),
        ("chats = []", "who may command"),
        ('token = ""', "wants a token"),
        ("user = [1]", "unknown key"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, more: str, said: str) -> None:
    known = {"token": f'"{TOKEN}"', "chats": "[1]", "users": "[1]"}
    name, _, value = more.partition(" = ")
    text = "[chat]\n" + "".join(f"{key} = {it}\n" for key, it in {**known, name: value}.items())
    path = tmp_path / "channels.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=said) as found:
        load_channels(path)
    assert TOKEN not in str(found.value)


def test_the_command_wants_a_table_and_a_run(flyball: Run, tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text('[[channel]]\nname = "a"\nurl = "json://127.0.0.1/"\n')
    path.chmod(0o600)
    assert "no table [chat]" in flyball("chat", path).stderr
    done = flyball("chat", channels(tmp_path, "http://127.0.0.1:9"), "--state", "nowhere")
    assert done.returncode == 2
