"""Key files: which account is traded on, and the key of the agent that signs for it.

A key file is TOML that only its owner can read:

    network = "testnet"    # mainnet, testnet or local
    account = "0x…"        # the account, never an agent's address
    agent_key = "0x…"      # the private key of an agent of the account, never the account's own

    [sentinel]             # optional
    agent_key = "0x…"      # of another agent: the sentinel's own
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from flyball import _core
from flyball.config import toml
from flyball.errors import ConfigError

__all__ = ["Keys", "Network", "load_keys", "private_text"]

Network: TypeAlias = Literal["mainnet", "testnet", "local"]

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_FILE_MAX = 64 << 10


class _SentinelKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    agent_key: str

    def __repr__(self) -> str:
        return "_SentinelKey(…)"


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    network: Network
    account: str
    agent_key: str
    sentinel: _SentinelKey | None = None

    def __repr__(self) -> str:
        return "_KeyFile(…)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """An account and the key of an agent that signs for it. The key is never printed.

    Examples
    --------
    >>> Keys(network="local", account="0x" + "a" * 40, agent_key="0x" + "1" * 64)
    Keys(network='local', account='0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')
    """

    network: Network
    account: str
    agent_key: str = field(repr=False)
    sentinel_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.account):
            raise ConfigError("account: wants 0x and 40 hexadecimal digits")
        engine = self._agent(self.agent_key, "agent_key")
        if self.sentinel_key is None:
            return
        if self._agent(self.sentinel_key, "sentinel.agent_key") == engine:
            raise ConfigError(
                "sentinel.agent_key: is the engine's: the sentinel wants an agent of its own, or "
                "their nonces meet. Approve a second agent and give its key"
            )

    def _agent(self, key: str, name: str) -> str:
        if not _KEY.fullmatch(key):
            raise ConfigError(f"{name}: wants 0x and 64 hexadecimal digits")
        address = _core.key_address(key)
        if address == self.account.lower():
            raise ConfigError(
                f"{name}: is the account's own key, which can take money out: approve an agent "
                "and give the agent's key"
            )
        return address


def load_keys(path: Path, *, network: Network) -> Keys:
    """Read a key file for a venue of this network.

    Raises
    ------
    ConfigError
        If it cannot be read, others than its owner can read it, it is for another network, or what
        it holds is malformed. No message repeats a key.
    """
    found = toml.decode(private_text(path), _KeyFile, where=str(path))
    if found.network != network:
        raise ConfigError(
            f"{path}: holds keys for {found.network}, and the venue is {network}: "
            "keys of one network are never used on another"
        )
    try:
        return Keys(
            network=found.network,
            account=found.account.lower(),
            agent_key=found.agent_key,
            sentinel_key=None if found.sentinel is None else found.sentinel.agent_key,
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def private_text(path: Path) -> str:
    """What the file holds, if only its owner can read it: asked of the file that is open.

    Raises
    ------
    ConfigError
        If it cannot be read, is no file, is not UTF-8, or others than its owner can read it.
    """
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ConfigError(f"{path}: is no file")
            if about.st_mode & 0o077:
                raise ConfigError(
                    f"{path}: others than its owner can read it ({stat.filemode(about.st_mode)}): "
                    f"chmod 600 {path}"
                )
            text = file.read(_FILE_MAX)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
