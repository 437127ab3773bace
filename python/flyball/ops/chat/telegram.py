"""Telegram's Bot API, as much of it as is needed: what was said, and saying something.

https://core.telegram.org/bots/api: a call is a POST of JSON to `API/botTOKEN/METHOD`. The address
holds the token, so that no error here repeats an address, nor what the system said of one.
"""

import json
import urllib.error
import urllib.request
from typing import Any

from flyball.config.secret import Secret

__all__ = ["Bot", "Unreachable"]

_ANSWER_MAX = 1 << 20
_PATIENCE_S = 10.0
_TEXT_MAX = 4_000


class Unreachable(Exception):
    """The service does not answer, or not with what was asked for.

    Attributes
    ----------
    code : int or None
        Its HTTP status; `None` when there was no answer.
    wait_s : float or None
        For how many seconds it wants to be left alone, where it says so.
    """

    def __init__(
        self, reason: str, *, code: int | None = None, wait_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.code, self.wait_s = code, wait_s


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: the token would go along."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401
        return None


class Bot:
    """A bot, by its token.

    Parameters
    ----------
    api : str
        Where the Bot API is, without a slash at its end.
    """

    def __init__(self, api: str, token: Secret) -> None:
        self._api, self._token = api, token
        # A proxy is for what lies elsewhere.
        near = [urllib.request.ProxyHandler({})] if api.startswith("http://") else []
        self._opener = urllib.request.build_opener(_Stay, *near)

    def updates(self, after: int | None, *, wait_s: float) -> list[dict[str, Any]]:
        """Messages that came after an update, waiting for the first for so many seconds.

        Raises
        ------
        Unreachable
            If that could not be asked.
        """
        wanted: dict[str, Any] = {"timeout": round(wait_s), "allowed_updates": ["message"]}
        if after is not None:
            wanted["offset"] = after + 1
        found = self._call("getUpdates", wanted, patience_s=wait_s + _PATIENCE_S)
        if not isinstance(found, list):
            raise Unreachable("it gave no list of updates")
        return [it for it in found if isinstance(it, dict)]

    def say(self, chat: int, text: str) -> None:
        """Say something in a chat: plain text, cut where it would be too long.

        Raises
        ------
        Unreachable
            If it was not taken.
        """
        said = {"chat_id": chat, "text": text[:_TEXT_MAX], "disable_web_page_preview": True}
        self._call("sendMessage", said, patience_s=_PATIENCE_S)

    def _call(self, method: str, about: dict[str, Any], *, patience_s: float) -> Any:  # noqa: ANN401
        # The scheme was looked at when the settings were read.
        request = urllib.request.Request(  # noqa: S310
            f"{self._api}/bot{self._token.reveal()}/{method}",
            data=json.dumps(about).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=patience_s) as answer:
                body = answer.read(_ANSWER_MAX)
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except (OSError, ValueError) as error:
            raise Unreachable(f"it does not answer ({type(error).__name__})") from None
        try:
            found = json.loads(body)
        except ValueError:
            raise Unreachable("its answer is no JSON") from None
        if not isinstance(found, dict) or found.get("ok") is not True:
            raise Unreachable("it did not do it")
        return found.get("result")


def _refused(error: urllib.error.HTTPError) -> Unreachable:
    """What it said of a refusal: only its code, and how long to wait."""
    wait_s = None
    with error:
        try:
            told = json.loads(error.read(_ANSWER_MAX))
            wait_s = float(told["parameters"]["retry_after"])
        except (OSError, ValueError, KeyError, TypeError):
            wait_s = None
    why = {401: ": the token is wrong", 404: ": the token is wrong", 409: ": another bot listens"}
    return Unreachable(
        f"it answers {error.code}{why.get(error.code, '')}", code=error.code, wait_s=wait_s
    )
