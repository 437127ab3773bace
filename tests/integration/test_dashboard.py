"""The dashboard's server, attacked and used; the run is a stand-in that remembers it."""

import http.client
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from flyball.errors import ConfigError
from flyball.ops.cli.dashboard import parts
from flyball.ops.dashboard.serve import Dashboard, address
from flyball.ops.dashboard.source import Parts
from flyball.ops.dashboard.tokens import FILE, token_of
from flyball.trading.runtime.factor import enrol, new_key
from tests.integration.livetools import wait_for
from tests.integration.standin import StandIn

JSON = {"content-type": "application/json"}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "s") as found:
        yield found


@pytest.fixture
def board(stand: StandIn) -> Iterator[Dashboard]:
    with Dashboard(
        stand.folder, at="127.0.0.1:0", parts=parts(), tell=lambda _: None, names=("bot.example",)
    ) as found:
        wait_for(lambda: found.hub.topic("status"), seconds=10, why="no status")
        yield found


def token(board: Dashboard) -> str:
    return board.link.rpartition("#")[2]


def ask(
    board: Dashboard,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    host: str | None = None,
    opened: bool = True,
    headers: dict[str, str] | None = None,
    **more: str,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """One request as written: status, JSON if it is any, headers."""
    line = http.client.HTTPConnection("127.0.0.1", board.port, timeout=10)
    line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    line.putheader("Host", f"127.0.0.1:{board.port}" if host is None else host)
    if opened:
        line.putheader("Authorization", f"Bearer {token(board)}")
    for name, value in {**(headers or {}), **more}.items():
        line.putheader(name.replace("_", "-"), value)
    if body is not None and "Transfer_Encoding" not in more:
        line.putheader("Content-Length", str(len(body)))
    line.endheaders(body)
    answer = line.getresponse()
    text = answer.read()
    line.close()
    found = (
        json.loads(text) if text and answer.headers.get_content_type() == "application/json" else {}
    )
    return answer.status, found, {name.lower(): value for name, value in answer.getheaders()}


def post(board: Dashboard, path: str, value: object, **more: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
    body = json.dumps(value).encode()
    more = {"Content_Type": "application/json", **more}
    status, found, _ = ask(board, "POST", path, body=body, **more)
    return status, found


def live(
    board: Dashboard,
    *,
    origin: str | None = None,
    word: str | None = None,
    path: str = "/live",
) -> ClientConnection:
    given = token(board) if word is None else word
    own = f"http://127.0.0.1:{board.port}"
    return connect(
        f"ws://127.0.0.1:{board.port}{path}",
        origin=own if origin is None else (origin or None),  # type: ignore[arg-type]
        subprotocols=["flyball", *([f"token.{given}"] if given else [])],  # type: ignore[list-item]
        proxy=None,
    )


@pytest.mark.parametrize("path", ["/status", "/live", "/kill", "/nothing"])
def test_without_the_token_nothing_of_the_run_is_told(board: Dashboard, path: str) -> None:
    for wrong in ({}, {"Authorization": "Bearer " + "0" * 64}, {"Authorization": "Bearer"}):
        assert ask(board, "GET", path, opened=False, headers=wrong)[0] == 401


def test_the_token_is_not_taken_from_the_address_or_a_cookie(board: Dashboard) -> None:
    word = token(board)
    assert ask(board, "GET", f"/status?token={word}", opened=False)[0] == 401
    assert ask(board, "GET", "/status", opened=False, Cookie=f"token={word}")[0] == 401
    assert ask(board, "GET", "/status")[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", "", "0.0.0.0"],
)
def test_a_name_that_was_bound_anew_to_our_address_is_refused(board: Dashboard, host: str) -> None:
    """DNS rebinding: the browser asks us, and says whose page it thinks we are."""
    assert ask(board, "GET", "/", host=host, opened=False)[0] == 403
    assert ask(board, "GET", "/status", host=host)[0] == 403
    assert post(board, "/kill", {}, host=host)[0] == 403


def test_names_of_a_tunnel_are_taken_where_they_were_given(board: Dashboard) -> None:
    assert ask(board, "GET", "/status", host="bot.example")[0] == 200
    assert post(board, "/kill", {}, host="bot.example", Origin="https://bot.example")[0] == 200
    assert ask(board, "GET", "/status", host="bot.example.evil")[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_another_page_cannot_kill_even_with_the_token(
    board: Dashboard, stand: StandIn, origin: str
) -> None:
    assert post(board, "/kill", {}, Origin=origin)[0] == 403
    assert not stand.acts


def test_what_a_form_of_another_page_can_send_is_refused(board: Dashboard, stand: StandIn) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        status, _, _ = ask(board, "POST", "/kill", body=b"{}", Content_Type=kind)
        assert status == 415
    for site in ("cross-site", "same-site"):
        assert post(board, "/kill", {}, Sec_Fetch_Site=site)[0] == 403
    assert ask(board, "OPTIONS", "/kill", Origin="http://evil.example")[0] == 405
    assert not stand.acts


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_state_is_changed_by_looking(board: Dashboard, stand: StandIn, method: str) -> None:
    for path in ("/kill", "/kill?scope=all", "/release/request", "/release/confirm"):
        assert ask(board, method, path)[0] in (404, 405)
    for other in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert ask(board, other, "/kill")[0] == 405
    assert not stand.acts


def test_what_is_too_long_or_no_json_is_refused(board: Dashboard, stand: StandIn) -> None:
    assert post(board, "/kill", {"scope": "a" * 5_000})[0] == 413
    status, _, _ = ask(
        board,
        "POST",
        "/kill",
        body=b"1388\r\n" + b" " * 5_000 + b"\r\n0\r\n\r\n",
        Content_Type="application/json",
        Transfer_Encoding="chunked",
    )
    assert status == 413, "a length that is not said counts too"
    for body in (b"", b"[", b'{"scope": 1}', b'{"scope": "all", "more": 1}', b"\xff"):
        found = ask(board, "POST", "/kill", body=body, Content_Type="application/json")[0]
        assert found in (400, 422), body
    assert ask(board, "GET", "/" + "a" * 100_000)[0] in (400, 404, 414, 431)
    assert not stand.acts


@pytest.mark.parametrize(
    "path",
    [
        "/../tokens.py",
        "/assets/../../serve.py",
        "/%2e%2e/%2e%2e/serve.py",
        "/..%2f..%2fserve.py",
        "/assets/%2e%2e%2f%2e%2e%2fserve.py",
        "//etc/passwd",
        "/\\..\\serve.py",
        "/%00",
        f"/{FILE}",
    ],
)
def test_nothing_but_the_page_is_read_from_the_disk(board: Dashboard, path: str) -> None:
    for opened in (True, False):
        status, found, _ = ask(board, "GET", path, opened=opened)
        assert status in (400, 401, 404), found


def test_every_answer_forbids_what_a_page_does_not_need(board: Dashboard) -> None:
    for path, opened in (("/", False), ("/status", True), ("/nothing", True), ("/status", False)):
        _, _, headers = ask(board, "GET", path, opened=opened)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_guessing_is_slowed_and_the_right_token_still_opens(board: Dashboard) -> None:
    wrong = {"Authorization": "Bearer " + "f" * 64}
    found = [ask(board, "GET", "/status", opened=False, headers=wrong)[0] for _ in range(30)]
    assert found[0] == 401
    assert found[-1] == 429
    assert post(board, "/kill", {})[0] == 200, "nobody can be locked out of the kill"


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": ""},
        {"word": "0" * 64},
        {"origin": "http://evil.example"},
        {"origin": ""},
        {"path": "/other"},
    ],
    ids=str,
)
def test_a_websocket_wants_token_and_origin(board: Dashboard, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused, live(board, **wrong):
        pass
    assert refused.value.response.status_code == 403
    assert board.hub.listeners == 0


def test_a_websocket_of_another_host_name_is_refused(board: Dashboard) -> None:
    for host, wanted in ((f"127.0.0.1:{board.port}", 101), ("evil.example", 403)):
        with socket.create_connection(("127.0.0.1", board.port), timeout=5) as line:
            line.sendall(
                f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://127.0.0.1:{board.port}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"Sec-WebSocket-Protocol: flyball, token.{token(board)}\r\n\r\n".encode()
            )
            assert int(line.recv(4096).split()[1]) == wanted


def test_what_is_new_comes_by_itself(board: Dashboard, stand: StandIn) -> None:
    with live(board) as line:
        first = json.loads(line.recv(timeout=5))
        assert first["topics"]["about"]["account"].endswith("a1b2c3")
        assert first["topics"]["status"]["equity"] == "9987.42"
        assert first["logs"]["notices"]["anew"] is True
        line.send(str(first["n"]))
        stand.status["equity"] = "9900.00"
        until = time.monotonic() + 5
        while time.monotonic() < until:
            message = json.loads(line.recv(timeout=5))
            line.send(str(message["n"]))
            if message["topics"].get("status", {}).get("equity") == "9900.00":
                break
        else:
            raise AssertionError("the new equity never came")
        assert "about" not in message["topics"], "what did not change is not sent again"
    wait_for(lambda: board.hub.listeners == 0, seconds=5, why="it still listens")


def test_a_slow_client_gets_the_newest_and_no_queue(board: Dashboard) -> None:
    with live(board) as line:
        wait_for(lambda: board.hub.listeners == 1, seconds=5, why="nobody listens")
        for number in range(3_000):  # and it says nothing of having seen anything
            board.hub.put("book:XRP", {"time_ms": number, "bids": [], "asks": []})
            if number % 100 == 0:
                time.sleep(0.05)
        seen, newest = [], 0
        while True:
            try:
                message = json.loads(line.recv(timeout=1.5))
            except TimeoutError:
                break
            seen.append(message["n"])
            assert len(seen) <= 8, "no more than was agreed on is under way"
            newest = max(newest, message["topics"].get("book:XRP", {}).get("time_ms", 0))
        assert newest < 2_999
        line.send(str(seen[-1]))
        message = json.loads(line.recv(timeout=5))
        assert message["topics"]["book:XRP"]["time_ms"] == 2_999, "the newest, and nothing between"


def _read_on(line: ClientConnection) -> None:
    while True:
        line.recv(timeout=5)


def test_a_client_that_talks_is_sent_away(board: Dashboard) -> None:
    for text in ("{}", "-1", "1" * 19, "x" * 300):
        with live(board) as line:
            line.send(text)
            with pytest.raises(ConnectionClosed):
                _read_on(line)
    wait_for(lambda: board.hub.listeners == 0, seconds=5, why="it still listens")


def test_a_number_that_was_not_sent_is_not_believed(board: Dashboard) -> None:
    with live(board) as line:
        line.send("9" * 17)
        for _ in range(3):
            message = json.loads(line.recv(timeout=5))
        assert message["n"] == 3


def test_there_are_not_more_than_eight_pages(board: Dashboard) -> None:
    with ExitStack() as lines:
        for _ in range(8):
            lines.enter_context(live(board))
        wait_for(lambda: board.hub.listeners == 8, seconds=5, why="not all listen")
        with pytest.raises(InvalidStatus), live(board):
            pass
    wait_for(lambda: board.hub.listeners == 0, seconds=5, why="they still listen")
    with live(board) as line:
        assert json.loads(line.recv(timeout=5))["n"] == 1


def test_a_kill_is_one_step(board: Dashboard, stand: StandIn) -> None:
    own = f"http://127.0.0.1:{board.port}"
    assert post(board, "/kill", {}, Origin=own) == (200, {"way": "socket", "kept": True})
    assert post(board, "/kill", {"scope": "instrument:XRP"})[0] == 200
    assert stand.acts == [("kill", "all"), ("kill", "instrument:0")]
    status, found = post(board, "/kill", {"scope": "instrument:DOGE"})
    assert status == 409
    assert "XRP" in found["error"]


def test_a_kill_of_a_run_that_does_not_answer_is_left_as_a_file(
    board: Dashboard, stand: StandIn
) -> None:
    stand.end()
    assert post(board, "/kill", {}) == (200, {"way": "file", "kept": True})
    assert (stand.folder / "KILL").exists()


def test_a_release_takes_two_steps_and_typed_words(board: Dashboard, stand: StandIn) -> None:
    assert post(board, "/release/request", {"name": "operator"})[0] == 409, "nothing is latched"
    stand.status["killed"] = True
    status, found = post(board, "/release/request", {"name": "operator"})
    assert status == 409, "the account is not flat"
    assert "flat" in found["error"]
    stand.close_position()
    status, ticket = post(board, "/release/request", {"name": "operator"})
    assert status == 200
    assert ticket["type_this"] == "release a1b2c3"
    assert not stand.acts, "the first step changes nothing"
    wrong = {"ticket": ticket["ticket"], "typed": "release"}
    assert post(board, "/release/confirm", wrong)[0] == 409
    right = {"ticket": ticket["ticket"], "typed": "release a1b2c3"}
    assert post(board, "/release/confirm", right)[0] == 409, "a ticket is good once"
    assert not stand.acts
    _, ticket = post(board, "/release/request", {"name": "operator"})
    again = {"ticket": ticket["ticket"], "typed": " Release  A1B2C3 "}
    status, found = post(board, "/release/confirm", again)
    assert (status, found["released"]) == (200, True)
    assert stand.acts == [("request_release", "all"), ("confirm_release", "all")]


def test_a_release_wants_the_second_factor_where_one_was_enrolled(
    board: Dashboard, stand: StandIn
) -> None:
    pyotp = pytest.importorskip("pyotp", reason="codes are pyotp's: flyball[observe]")
    key = new_key()
    enrol(stand.folder, key)
    stand.status["killed"] = True
    stand.close_position()

    def confirm(**more: str) -> tuple[int, Any]:
        _, ticket = post(board, "/release/request", {"name": "operator"})
        assert ticket["factor"] is True
        words = {"ticket": ticket["ticket"], "typed": ticket["type_this"]}
        return post(board, "/release/confirm", {**words, **more})

    assert confirm()[0] == 409
    right = pyotp.TOTP(key.reveal()).now()
    wrong = f"{(int(right) + 7) % 10**6:06}"
    status, said = confirm(code=wrong)
    assert (status, "not the code" in said["error"]) == (409, True)
    assert confirm(code=right, typed="release")[0] == 409, "the words come first, and spend no code"
    assert confirm(code="0" * 13)[0] == 422
    assert stand.acts == []
    status, found = confirm(code=right)
    assert (status, found["released"]) == (200, True)
    stand.status["killed"] = True
    status, said = confirm(code=right)
    assert (status, "was used" in said["error"]) == (409, True)
    assert post(board, "/kill", {})[0] == 200, "a kill never wants one"


def test_a_release_without_the_first_step_is_refused(board: Dashboard, stand: StandIn) -> None:
    stand.status["killed"] = True
    stand.close_position()
    for number in ("", "0" * 32):
        value = {"ticket": number, "typed": "release a1b2c3"}
        assert post(board, "/release/confirm", value)[0] == 409
    assert stand.status["killed"] is True


def test_a_run_that_falls_silent_and_comes_back_is_told(board: Dashboard, stand: StandIn) -> None:
    stand.end()
    found = wait_for(
        lambda: (board.hub.topic("run") or {}).get("state") == "silent", seconds=5, why="not silent"
    )
    assert found
    with stand:
        wait_for(
            lambda: board.hub.topic("run")["state"] == "answers", seconds=5, why="still silent"
        )


def test_the_token_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    token_file = tmp_path / FILE
    word = token_of(tmp_path)
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert token_of(tmp_path) == word, "pages that are open go on after a restart"
    token_file.chmod(0o644)
    assert token_of(tmp_path) != word, "others may have read it"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("a" * 64)
    elsewhere.chmod(0o600)
    token_file.unlink()
    token_file.symlink_to(elsewhere)
    assert token_of(tmp_path) != "a" * 64
    assert not token_file.is_symlink()
    token_file.unlink()
    os.mkfifo(token_file, 0o600)
    assert len(token_of(tmp_path)) == 64
    (tmp_path / "no").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        token_of(tmp_path / "missing")


def test_a_port_that_is_taken_is_a_message(stand: StandIn) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match="--dashboard none"):
            Dashboard(stand.folder, at=at, tell=lambda _: None)


@pytest.mark.parametrize(
    "at", ["0.0.0.0:8765", "10.0.0.1:80", "[::]:80", "8765", "here:1", "127.0.0.1:99999"]
)
def test_it_listens_on_loopback_only(at: str) -> None:
    with pytest.raises(ConfigError, match="--dashboard"):
        address(at)


def test_a_part_that_fails_or_is_missing_is_told_and_ends_nothing(stand: StandIn) -> None:
    def broken(*_: object) -> object:
        raise ValueError("its own fault")

    def health(*_: object) -> object:
        return {"state": "ok", "components": []}

    looks = {"alerts": broken, "health": health, "learning": lambda *_: None}
    with Dashboard(
        stand.folder, at="127.0.0.1:0", parts=Parts(looks=looks), tell=lambda _: None
    ) as board:
        found = wait_for(lambda: board.hub.topic("parts"), seconds=5, why="no parts")
        assert found["alerts"] == "ValueError: its own fault"
        assert found["predictions"] == "not there"
        assert (found["health"], found["learning"]) == ("", "nothing")
        assert board.hub.topic("health") == {"state": "ok", "components": []}
        assert board.hub.topic("run")["state"] == "answers"
