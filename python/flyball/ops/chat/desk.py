"""What becomes of a message: pure, a function of the message and of two clocks.

A chat makes nothing riskier: it cannot release what is killed, nor give back a share of the risk
budget. What closes positions wants a code that was made for whoever asked, and is good once.
"""

import hmac
import re
import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flyball.config.channels import Chat
from flyball.errors import FlyballError
from flyball.ops.chat.run import Commanded

__all__ = ["HELP", "Answer", "Desk"]

HELP = """/status - how the run is doing
/alerts - what fires
/ack ID - you have seen it; /ack all
/restrict 0.5 - use at most this share of the risk budget; 0 is reduce-only
/kill - stop and close everything; asks for a code. /kill instrument:XRP
/flatten - close everything once, trading goes on; asks for a code
What is killed is released at the machine, never from here."""

_CODE_DIGITS = 6
_CODE_TRIES = 3
# Commands a minute of one person; more are not taken.
_BUSY_MAX, _BUSY_S = 20, 60.0
_FLAT_S = 10.0
_STRANGERS = 5
_SHARE = re.compile(r"[01](\.[0-9]{1,6})?")
_FOREIGN = ("forward_origin", "forward_date", "forward_from", "via_bot", "sender_chat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is said in a chat, and what is done and said after that."""

    chat: int
    text: str
    by: int = 0
    then: Callable[[], str] | None = None


@dataclass(slots=True)
class _Code:
    """A code that confirms one thing, for whoever asked for it."""

    digits: str
    act: str
    scope: str
    until_s: float
    tries: int = _CODE_TRIES


class Desk:
    """Takes messages, asks the run, and says what came of it.

    Parameters
    ----------
    chat : Chat
        Who may command.
    run : Commanded
        What is commanded.
    last : int
        The last update that was taken: one that is not newer is a replay.

    Attributes
    ----------
    counts : Counter
        What became of the updates: `done`, `refused`, `stranger`, `stale`, `replayed`, `busy`,
        `other`.
    strangers : list
        Users and chats of the first few who are not listed: whoever sets it up looks for theirs.
    """

    def __init__(self, chat: Chat, run: Commanded, *, last: int = -1) -> None:
        self._chat, self._run, self.last = chat, run, last
        self.counts: Counter[str] = Counter()
        self.strangers: list[tuple[int | None, int | None]] = []
        self._codes: dict[tuple[int, int], _Code] = {}
        self._asked: dict[int, deque[float]] = {}

    def take(self, update: Mapping[str, Any], *, now_s: float, at_s: float) -> Answer | None:
        """What is said to an update; `None` is silence.

        Parameters
        ----------
        now_s : float
            Seconds since 1970.
        at_s : float
            Seconds of a clock that does not go back.
        """
        if why := self._why_not(update, now_s=now_s, at_s=at_s):
            self.counts[why] += 1
            return None
        message = update["message"]
        sender, chat = int(message["from"]["id"]), int(message["chat"]["id"])
        return self._answer(chat, sender, str(message["text"]), at_s)

    def _why_not(self, update: Mapping[str, Any], *, now_s: float, at_s: float) -> str:
        """Why nothing is said to an update; empty when something is."""
        number = update.get("update_id")
        if not isinstance(number, int) or isinstance(number, bool):
            return "other"
        if number <= self.last:
            return "replayed"
        self.last = number
        message = update.get("message")
        if not isinstance(message, Mapping):
            return "other"
        sender, chat = _id(message.get("from")), _id(message.get("chat"))
        if sender not in self._chat.users or chat not in self._chat.chats:
            if (sender, chat) not in self.strangers and len(self.strangers) < _STRANGERS:
                self.strangers.append((sender, chat))
            return "stranger"
        sent, text = message.get("date"), message.get("text")
        if not isinstance(sent, int) or abs(now_s - sent) > self._chat.stale_s:
            return "stale"
        if any(key in message for key in _FOREIGN):
            # What somebody said once is no command when it is passed on.
            return "replayed"
        if not isinstance(text, str) or not text.startswith("/"):
            return "other"
        return "busy" if self._is_busy(sender or 0, at_s) else ""

    def _is_busy(self, user: int, at_s: float) -> bool:
        asked = self._asked.setdefault(user, deque(maxlen=_BUSY_MAX))
        if len(asked) == _BUSY_MAX and at_s - asked[0] < _BUSY_S:
            return True
        asked.append(at_s)
        return False

    def _answer(self, chat: int, user: int, text: str, at_s: float) -> Answer:
        word, _, rest = text[1:].strip().partition(" ")
        name, given = word.partition("@")[0].lower(), rest.strip()
        commands: dict[str, Callable[[], Answer]] = {
            "status": lambda: Answer(chat=chat, text=self._run.status()),
            "alerts": lambda: Answer(chat=chat, text=self._run.alerts()),
            "ack": lambda: Answer(chat=chat, text=self._acknowledge(given, user)),
            "restrict": lambda: Answer(chat=chat, text=self._restrict(given)),
            "kill": lambda: self._guarded(chat, user, "kill", given, at_s),
            "flatten": lambda: self._guarded(chat, user, "flatten", given, at_s),
        }
        try:
            told = commands.get(name, lambda: Answer(chat=chat, text=HELP))()
        except FlyballError as error:
            self.counts["refused"] += 1
            return Answer(chat=chat, text=f"not done: {error}")
        self.counts["done" if name in commands else "other"] += 1
        return told

    def _acknowledge(self, given: str, user: int) -> str:
        ids = set(given.split())
        if not ids:
            return "which? /ack ID, as /alerts shows them, or /ack all"
        return self._run.acknowledge(ids, f"user {user} in the chat")

    def _restrict(self, given: str) -> str:
        if not _SHARE.fullmatch(given) or (share := Decimal(given)) > 1:
            return "how much? /restrict 0.5; 0 is reduce-only"
        if share > (now := self._run.share()):
            return f"it is {now:.0%} now: more of it is given back at the machine, not from here"
        self._run.restrict(share)
        return f"at most {share:.0%} of the risk budget is used from now on"

    def _guarded(self, chat: int, user: int, act: str, given: str, at_s: float) -> Answer:
        """The first step gives a code, the second one wants it."""
        if given.isdecimal() and given.isascii():
            return self._confirmed(chat, user, act, given, at_s)
        scope = given or "all"
        if act == "flatten" and scope != "all":
            return Answer(chat=chat, text="/flatten closes everything: it takes no scope")
        self._run.check(scope)
        digits = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}}"
        self._codes[chat, user] = _Code(digits, act, scope, at_s + self._chat.code_s)
        what = "stops trading and closes" if act == "kill" else "closes"
        return Answer(
            chat=chat,
            text=f"This {what} {scope if scope != 'all' else 'everything'}. "
            f"Within {self._chat.code_s:.0f} s say\n/{act} {digits}",
        )

    def _confirmed(self, chat: int, user: int, act: str, given: str, at_s: float) -> Answer:
        code = self._codes.get((chat, user))
        if code is None or code.act != act or at_s > code.until_s:
            self._codes.pop((chat, user), None)
            return Answer(chat=chat, text=f"no such code, or it is over: /{act} gives one")
        if not hmac.compare_digest(given.encode(), code.digits.encode()):
            code.tries -= 1
            if not code.tries:
                del self._codes[chat, user]
            return Answer(chat=chat, text="that is not the code: nothing was done")
        del self._codes[chat, user]
        done = self._run.kill(code.scope) if act == "kill" else self._run.flatten()
        then = self._whether_flat if code.scope == "all" else None
        return Answer(chat=chat, text=done, by=user, then=then)

    def _whether_flat(self) -> str:
        try:
            flat = self._run.flat(_FLAT_S)
        except FlyballError:
            return "whether it is flat is not known: the run does not answer"
        return "flat, says the venue" if flat else f"NOT FLAT after {_FLAT_S:.0f} s: it goes on"


def _id(found: object) -> int | None:
    if isinstance(found, Mapping) and isinstance(found.get("id"), int):
        return int(found["id"])
    return None
