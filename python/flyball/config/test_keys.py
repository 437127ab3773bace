import os
from pathlib import Path

import pytest

from flyball import _core
from flyball.config.endpoints import ENDPOINTS, endpoint
from flyball.config.keys import Keys, load_keys
from flyball.errors import ConfigError

KEY = "0x" + "3" * 64
ACCOUNT = "0x" + "Ab" * 20


def write(folder: Path, text: str | None = None, *, mode: int = 0o600) -> Path:
    path = folder / "keys.toml"
    told = f'network = "testnet"\naccount = "{ACCOUNT}"\nagent_key = "{KEY}"\n'
    path.write_text(told if text is None else text)
    path.chmod(mode)
    return path


def test_a_key_file_is_read_and_its_account_is_lowercase(tmp_path: Path) -> None:
    keys = load_keys(write(tmp_path), network="testnet")
    assert (keys.account, keys.agent_key) == (ACCOUNT.lower(), KEY)


def test_a_key_is_never_printed(tmp_path: Path) -> None:
    keys = load_keys(write(tmp_path), network="testnet")
    assert KEY not in repr(keys)
    assert KEY not in str(keys)


def test_the_sentinels_key_is_another_agents(tmp_path: Path) -> None:
    other, base = "0x" + "4" * 64, write(tmp_path).read_text()
    keys = load_keys(
        write(tmp_path, f'{base}[sentinel]\nagent_key = "{other}"\n'), network="testnet"
    )
    assert keys.sentinel_key == other
    assert other not in repr(keys)
    own = _core.key_address(other)
    for text, said in [
        (f'{base}[sentinel]\nagent_key = "{KEY}"\n', "sentinel.agent_key: is the engine's"),
        (
            f'{base.replace(ACCOUNT, own)}[sentinel]\nagent_key = "{other}"\n',
            "sentinel.agent_key: is the account's own key",
        ),
        (f'{base}[sentinel]\nagent_key = "{KEY[:-1]}"\n', "sentinel.agent_key: wants 0x and 64"),
        (f"{base}[sentinel]\n", "missing key 'sentinel.agent_key'"),
    ]:
        with pytest.raises(ConfigError, match=said) as raised:
            load_keys(write(tmp_path, text), network="testnet")
        assert KEY[2:] not in str(raised.value)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        load_keys(write(tmp_path, mode=mode), network="testnet")


@pytest.mark.parametrize("network", ["mainnet", "local"])
def test_keys_of_one_network_are_never_used_on_another(tmp_path: Path, network: str) -> None:
    with pytest.raises(ConfigError, match=f"testnet, and the venue is {network}"):
        load_keys(write(tmp_path), network=network)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('network = "tesnet"', "tesnet"),
        (f'network = "testnet"\naccount = "{ACCOUNT}"', "missing key 'agent_key'"),
        (f'network = "testnet"\naccount = "0x12"\nagent_key = "{KEY}"', "40 hexadecimal"),
        (f'network = "testnet"\naccount = "{ACCOUNT}"\nagent_key = "{KEY[:-1]}"', "64 hex"),
        (f'network = "testnet"\naccount = "{ACCOUNT}"\nagent_key = "{KEY}g"', "64 hex"),
        (f'network = "testnet"\naccount = "{ACCOUNT}"\nagnt_key = "{KEY}"', "agnt_key"),
        (f"network = {KEY}", "agent_key|account|network"),
    ],
)
def test_what_is_malformed_is_named_without_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        load_keys(write(tmp_path, text), network="testnet")
    chain: BaseException | None = raised.value
    while chain is not None:
        assert KEY[2:40] not in str(chain)
        chain = chain.__cause__


def test_a_file_that_is_none_or_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_keys(tmp_path / "nowhere.toml", network="testnet")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_keys(tmp_path, network="testnet")
    os.mkfifo(tmp_path / "pipe", 0o600)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o600)
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_keys(binary, network="testnet")


def test_the_accounts_own_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="approve an agent"):
        Keys(network="local", account=_core.key_address(KEY), agent_key=KEY)


def test_venues_have_networks_and_only_this_machine_is_local() -> None:
    assert {name: it.network for name, it in ENDPOINTS.items()} == {
        "hyperliquid": "mainnet",
        "hyperliquid-testnet": "testnet",
    }
    assert all(it.is_real and it.http.startswith("https://") for it in ENDPOINTS.values())
    for url in ("http://127.0.0.1:81", "http://localhost:81", "http://[::1]:81/"):
        found = endpoint(url)
        assert (found.network, found.is_real) == ("local", False)
        assert found.websocket == url.replace("http", "ws").rstrip("/") + "/ws"
    for other in ("http://10.0.0.1:81", "https://127.0.0.1:81", "http://127.0.0.1.evil.com:80", ""):
        with pytest.raises(ConfigError, match="there is no venue"):
            endpoint(other)
