"""A thread that listens to a bot's chat, and keeps where it was."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flyball.config.channels import Chat
from flyball.ops.chat.desk import Answer, Desk
from flyball.ops.chat.run import Commanded
from flyball.ops.chat.telegram import Bot, Unreachable

__all__ = ["Chatting", "chat_state"]

_FILE = "chat.json"
_POLL_S = 25.0
_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_WAIT_MAX_S = 120.0


def chat_state(folder: Path) -> Mapping[str, Any] | None:
    """How the chat of a run is doing; `None` where there never was one.

    `last` (the last update taken), `counts` (what became of updates), `heard_ns` (when the service
    answered last), `failing` (why it does not; empty while it does), `kept_ns` (when this was kept:
    at least every two minutes).
    """
    try:
        found = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"kept_ns", "failing"} <= set(found) else None


class Chatting:
    """Listens until it is stopped. A context manager. Nothing that goes wrong here ends a run.

    Parameters
    ----------
    folder : Path
        The run's folder: `chat.json` there remembers which updates were taken.
    chat : Chat
        The bot, and who may command.
    run : Commanded
        What is commanded.
    tell : callable
        Takes what a person at the machine should read.
    bot : Bot, optional
        Another one than that of `chat`.
    poll_s : float
        Seconds for which the service may keep a question open.
    """

    def __init__(
        self,
        folder: Path,
        chat: Chat,
        run: Commanded,
        *,
        tell: Callable[[str], None],
        bot: Bot | None = None,
        poll_s: float = _POLL_S,
    ) -> None:
        self._path = folder / _FILE
        self._tell, self._poll_s = tell, poll_s
        self._bot = Bot(chat.api, chat.token) if bot is None else bot
        before = chat_state(folder) or {}
        last = before.get("last")
        self.desk = Desk(chat, run, last=last if isinstance(last, int) else -1)
        with suppress(TypeError, ValueError):
            self.desk.counts.update(before.get("counts", {}))
        self._heard_ns: int | None = None
        self._failing = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flyball-chat", daemon=True)

    def __enter__(self) -> "Chatting":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # A question that is open is left to itself.
        self._thread.join(0.5)

    def _work(self) -> None:
        failed = 0
        while not self._ended.is_set():
            after = self.desk.last if self.desk.last >= 0 else None
            try:
                found = self._bot.updates(after, wait_s=self._poll_s)
                self._heard(len(found))
                failed = 0
            except Unreachable as error:
                self._lost(str(error))
                wait_s = _BACK_OFF_S[min(failed, len(_BACK_OFF_S) - 1)]
                if error.wait_s is not None:
                    wait_s = min(max(wait_s, error.wait_s), _WAIT_MAX_S)
                failed += 1
                self._ended.wait(wait_s)
                continue
            for update in found:
                if not self._ended.is_set():
                    self._take(update)

    def _take(self, update: Mapping[str, Any]) -> None:
        """Take one: that it was taken is on the disk before anything is done."""
        number = update.get("update_id")
        if isinstance(number, int) and number > self.desk.last and not self._keep(number):
            # What cannot be remembered would be taken again after a restart.
            self._tell("chat: a command was not taken: what was taken cannot be kept")
            self.desk.last = number
            return
        known = len(self.desk.strangers)
        try:
            answer = self.desk.take(update, now_s=time.time(), at_s=time.monotonic())
        except Exception as error:
            self._tell(f"chat: a command failed: {type(error).__name__}")
            answer = None
        for user, place in self.desk.strangers[known:]:
            self._tell(f"chat: not listed, not answered: user {user} in chat {place}")
        while answer is not None:
            with suppress(Unreachable):
                self._bot.say(answer.chat, answer.text)
            then, chat = answer.then, answer.chat
            if answer.by:
                self._tell(f"chat: user {answer.by}: {answer.text}")
            answer = None if then is None else Answer(chat=chat, text=then())
        self._keep(self.desk.last)

    def _heard(self, updates: int) -> None:
        self._heard_ns = time.time_ns()
        if self._failing:
            self._tell("chat: commands are taken again")
        self._failing = ""
        if not updates:
            self._keep(self.desk.last)

    def _lost(self, reason: str) -> None:
        if reason != self._failing:
            self._tell(f"chat: no commands are taken: {reason}; the run goes on")
        self._failing = reason
        self._keep(self.desk.last)

    def _keep(self, last: int) -> bool:
        """Remember where it was; whether that is on the disk."""
        known = {
            "last": last,
            "counts": dict(self.desk.counts),
            "heard_ns": self._heard_ns,
            "failing": self._failing,
            "kept_ns": time.time_ns(),
        }
        draft = self._path.with_suffix(".draft")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(json.dumps(known) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(0o600)
            draft.replace(self._path)
        except OSError:
            return False
        return True
