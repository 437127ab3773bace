"""Something that must not be shown: a key, a token, an address with a password in it."""

from typing import NoReturn

__all__ = ["Secret"]


class Secret:
    """Holds a text that cannot be printed, formatted, compared in the open or pickled by mistake.

    Examples
    --------
    >>> token = Secret("s3cr3t")
    >>> token
    Secret(…)
    >>> f"the token is {token}"
    Traceback (most recent call last):
    TypeError: a secret is not formatted: reveal() gives it to whoever needs it
    >>> token.reveal()
    's3cr3t'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for whoever needs it. Never for a message."""
        return self._text

    def hide_in(self, text: str) -> str:
        """A text of others, which may repeat the secret, without it."""
        return text.replace(self._text, "…") if self._text else text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> NoReturn:
        raise TypeError("a secret is not formatted: reveal() gives it to whoever needs it")

    def __format__(self, _: str) -> NoReturn:
        raise TypeError("a secret is not formatted: reveal() gives it to whoever needs it")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)
