"""What a venue says of an account, asked of it directly: not our own count."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flyball.errors import DataError

__all__ = ["account_worth", "ask_venue", "open_orders", "positions", "send_text"]

_TIMEOUT_S = 5.0


def ask_venue(url: str, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Send one request and give its answer.

    Raises
    ------
    DataError
        If there is none, or it is no JSON.
    """
    return _send(url, path, json.dumps(body).encode())


def send_text(url: str, path: str, text: str) -> Any:  # noqa: ANN401
    """Send text that is no JSON, and give the answer. A local exchange takes fault scripts so.

    Raises
    ------
    DataError
        As `ask_venue`.
    """
    return _send(url, path, text.encode())


def _send(url: str, path: str, body: bytes) -> Any:  # noqa: ANN401
    request = urllib.request.Request(  # noqa: S310 - http and https are all that is asked
        url + path, data=body, headers={"content-type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(200).decode("utf-8", errors="replace")
        raise DataError(f"{url}{path}: status {error.code}: {said}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{url}{path}: does not answer: {error}") from error


def positions(url: str, account: str) -> dict[str, Decimal]:
    """What the account holds at the venue: signed sizes by instrument; none are left out but flat.

    Raises
    ------
    DataError
        If the venue does not say.
    """
    state = ask_venue(url, "/info", {"type": "clearinghouseState", "user": account})
    try:
        held = {
            str(each["position"]["coin"]): Decimal(each["position"]["szi"])
            for each in state["assetPositions"]
        }
    except (KeyError, TypeError, ArithmeticError) as error:
        raise DataError(f"{url}: the account's state cannot be read") from error
    return {coin: size for coin, size in held.items() if size}


def account_worth(url: str, account: str) -> tuple[Decimal, int]:
    """What the account is worth, and when: milliseconds since 1970 by the venue's clock.

    Raises
    ------
    DataError
        If the venue does not say.
    """
    state = ask_venue(url, "/info", {"type": "clearinghouseState", "user": account})
    try:
        return Decimal(state["marginSummary"]["accountValue"]), int(state["time"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise DataError(f"{url}: the account's state cannot be read") from error


def open_orders(url: str, account: str) -> list[dict[str, Any]]:
    """Orders of the account that rest at the venue, as it writes them.

    Raises
    ------
    DataError
        If the venue does not say.
    """
    found = ask_venue(url, "/info", {"type": "frontendOpenOrders", "user": account})
    if not isinstance(found, list):
        raise DataError(f"{url}: the account's orders cannot be read")
    return found
