"""Venues that a run can reach, by name; and local exchanges, by their address."""

import re
from dataclasses import dataclass

from flyball.config.keys import Network
from flyball.errors import ConfigError

__all__ = ["ENDPOINTS", "Endpoint", "endpoint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where a venue is, and which network's keys it takes."""

    name: str
    network: Network
    http: str
    websocket: str

    @property
    def is_real(self) -> bool:
        """Whether money or a public testnet is at the other end."""
        return self.network != "local"


_MAINNET, _TESTNET = "api.hyperliquid.xyz", "api.hyperliquid-testnet.xyz"

ENDPOINTS = {
    "hyperliquid": Endpoint(
        name="hyperliquid",
        network="mainnet",
        http=f"https://{_MAINNET}",
        websocket=f"wss://{_MAINNET}/ws",
    ),
    "hyperliquid-testnet": Endpoint(
        name="hyperliquid-testnet",
        network="testnet",
        http=f"https://{_TESTNET}",
        websocket=f"wss://{_TESTNET}/ws",
    ),
}

_LOOPBACK = re.compile(
    r"http://(?P<at>(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5})/?"
)


def endpoint(name_or_url: str) -> Endpoint:
    """The venue of this name, or the local exchange at this address.

    Raises
    ------
    ConfigError
        If there is no such venue, or the address is not one of this machine.

    Examples
    --------
    >>> endpoint("http://127.0.0.1:8181").websocket
    'ws://127.0.0.1:8181/ws'
    """
    if name_or_url in ENDPOINTS:
        return ENDPOINTS[name_or_url]
    if found := _LOOPBACK.fullmatch(name_or_url):
        at = found["at"]
        return Endpoint(name=at, network="local", http=f"http://{at}", websocket=f"ws://{at}/ws")
    raise ConfigError(
        f"there is no venue {name_or_url!r}: known are {', '.join(ENDPOINTS)}, and local exchanges "
        "at http://127.0.0.1:PORT (see `flyball exchange`)"
    )
