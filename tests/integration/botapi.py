"""A local Bot API: what Telegram would answer a bot, as its documentation has it, on loopback."""

import http.server
import json
import threading
import time
from types import TracebackType
from typing import Any

TOKEN = "123456:AAtok3n-of-nobody-77aa"
ANN, CHAT, STRANGER = 4242, -1001, 666


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        api: BotApi = self.server.api  # type: ignore[attr-defined]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, told = api.answer(self.path, asked)
        body = json.dumps(told).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"http://127.0.0.1:9{self.path}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class BotApi:
    """Keeps what the bot said, and hands it what people say. A context manager."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []
        self.polls: list[dict[str, Any]] = []
        self.status = 200
        self._waiting: list[dict[str, Any]] = []
        self._number = 70
        self._news = threading.Condition()

    def __enter__(self) -> "BotApi":
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.api = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def write(self, text: str, *, user: int = ANN, chat: int = CHAT, ago_s: int = 0) -> None:
        """Somebody says something in a chat."""
        message = {
            "message_id": self._number,
            "from": {"id": user, "is_bot": False, "first_name": "Ann"},
            "chat": {"id": chat, "type": "supergroup", "title": "desk"},
            "date": int(time.time()) - ago_s,
            "text": text,
        }
        with self._news:
            self._number += 1
            self._waiting.append({"update_id": self._number, "message": message})
            self._news.notify_all()

    def answer(self, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """As the service does; an update stays until one behind it is asked for."""
        if self.status != 200:
            about = {"retry_after": 0} if self.status == 429 else {}
            return self.status, {"ok": False, "description": "no", "parameters": about}
        if not path.startswith(f"/bot{TOKEN}/"):
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        with self._news:
            if path.endswith("/sendMessage"):
                self.said.append((asked["chat_id"], asked["text"]))
                self._news.notify_all()
                return 200, {"ok": True, "result": {"message_id": len(self.said)}}
            self.polls.append(asked)
            after = asked.get("offset", 0)
            self._waiting = [it for it in self._waiting if it["update_id"] >= after]
            self._news.wait_for(lambda: bool(self._waiting), min(1.0, asked["timeout"]))
            return 200, {"ok": True, "result": list(self._waiting)}

    def wait_said(self, word: str, *, seconds: float = 15.0) -> str:
        """The next thing that the bot says with this word in it; what came before is forgotten."""
        found: list[str] = []

        def there() -> bool:
            while self.said:
                _, text = self.said.pop(0)
                if word in text:
                    found.append(text)
                    return True
            return False

        with self._news:
            assert self._news.wait_for(there, seconds), f"{word!r} was not said"
        return found[0]
