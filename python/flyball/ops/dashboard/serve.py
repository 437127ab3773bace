"""The dashboard as one thing: a thread that looks at a run, and one that serves the page."""

import importlib.util
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flyball.errors import ConfigError
from flyball.ops.dashboard.guard import allowed_hosts
from flyball.ops.dashboard.pagefiles import PAGE, UNBUILT, page_files, unbuilt
from flyball.ops.dashboard.source import Parts, Source, hub
from flyball.ops.dashboard.tokens import FILE, token_of

__all__ = ["ADDRESS", "Dashboard", "address", "is_built", "missing"]

ADDRESS = "127.0.0.1:8765"
_WANTED = ("fastapi", "uvicorn", "websockets")
_START_S = 10.0
_MESSAGE_MAX = 256


def missing() -> str:
    """What is not installed that the dashboard needs, and how it is had; empty when all is."""
    if lacking := [name for name in _WANTED if importlib.util.find_spec(name) is None]:
        return f"{', '.join(lacking)} not installed: pip install 'flyball[observe]'"
    return ""


def is_built() -> bool:
    """Whether there is a page to serve."""
    return (PAGE / "index.html").is_file()


def address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, on loopback.

    Raises
    ------
    ConfigError
        If it is none, or not one of loopback's.

    Examples
    --------
    >>> address("127.0.0.1:8765")
    ('127.0.0.1', 8765)
    """
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        known, number = ipaddress.ip_address(host), int(port)
    except ValueError:
        raise ConfigError(f"--dashboard {text!r}: wants HOST:PORT, such as {ADDRESS}") from None
    if not 0 <= number <= 65_535:
        raise ConfigError(f"--dashboard {text!r}: there is no such port")
    if not known.is_loopback:
        raise ConfigError(
            f"--dashboard {text!r}: it listens on loopback only; from elsewhere reach it through "
            "an SSH tunnel (ssh -L 8765:127.0.0.1:8765 HOST)"
        )
    return host, number


class Dashboard:
    """The page of a run's folder, served on loopback while it is open. A context manager.

    Parameters
    ----------
    folder : Path
        The run's folder.
    at : str
        `HOST:PORT`; port 0 takes any that is free.
    parts : Parts
        What others bring to the page.
    names : tuple of str
        Other values of the header Host that are ours: those of a tunnel or proxy in front of it.
    tell : callable
        Takes what was done from the page, for people.
    pace_s : float
        Seconds at least between two messages to one page.
    past : bool
        Whether what happened before is read from the run's journal.

    Raises
    ------
    ConfigError
        If something is missing, the address makes no sense, or it is taken.
    """

    def __init__(
        self,
        folder: Path,
        *,
        at: str = ADDRESS,
        parts: Parts | None = None,
        names: tuple[str, ...] = (),
        tell: Callable[[str], None],
        pace_s: float = 1 / 30,
        past: bool = False,
    ) -> None:
        if lacking := missing():
            raise ConfigError(f"the dashboard: {lacking}")
        host, port = address(at)
        self._socket = _listening(host, port)
        try:
            self.host, self.port = host, self._socket.getsockname()[1]
            self._token = token_of(folder)
            self.hub = hub()
            self._source = Source(folder, self.hub, parts=parts or Parts(), past=past)
            self._names, self._tell, self._pace_s = names, tell, pace_s
        except BaseException:
            self._socket.close()
            raise

    @property
    def url(self) -> str:
        """Where it is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    @property
    def link(self) -> str:
        """The same with the token, behind a #: a browser sends that to nobody."""
        return f"{self.url}#{self._token}"

    def start(self) -> "Dashboard":
        """Serve."""
        import uvicorn

        from flyball.ops.dashboard.server import application

        app = application(
            hub=self.hub,
            run=lambda: self._source.run,
            token=self._token,
            hosts=allowed_hosts(self.port, self._names),
            files=page_files() or unbuilt(),
            tell=self._tell,
            pace_s=self._pace_s,
        )
        config = uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_max_size=_MESSAGE_MAX,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=16_384,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name="flyball-dashboard",
            daemon=True,
        )
        self._thread.start()
        self._source.start()
        until = time.monotonic() + _START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        if not self._server.started:
            raise ConfigError("the dashboard did not start")
        return self

    def stop(self) -> None:
        """Serve no more."""
        self._source.stop()
        self._server.should_exit = True
        self._thread.join(3.0)
        self._socket.close()

    def __enter__(self) -> "Dashboard":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def told(self) -> str:
        """What is said when it opens: the link, once."""
        said = f"dashboard at {self.link} (the token is also in {FILE} of the run's folder)"
        return said if is_built() else f"{said}; {UNBUILT}"


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(64)
    except OSError as error:
        found.close()
        raise ConfigError(
            f"the dashboard: {host}:{port}: {error.strerror or error}; "
            "another address: --dashboard 127.0.0.1:8766, none: --dashboard none"
        ) from error
    found.settimeout(0.0)
    return found
