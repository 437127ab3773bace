"""What can go wrong, by what to do about it.

Everything that Flyball raises on purpose is a `FlyballError`. A `Stop` is not retried: a person
must look. Messages say what is wrong, where, and what to do.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "FlyballError",
    "JournalError",
    "Stop",
    "StrategyError",
]


class FlyballError(Exception):
    """Anything that Flyball raises on purpose."""

    exit_code = 1


class Stop(FlyballError):
    """Trying again changes nothing: a person must look."""


class ConfigError(Stop):
    """A setting is missing, misspelt or makes no sense."""

    exit_code = 2


class DataError(Stop):
    """A recording, a tape or a catalogue is missing, damaged or cannot be written."""

    exit_code = 3


class JournalError(Stop):
    """A journal is damaged, does not replay, or cannot be written."""

    exit_code = 4


class StrategyError(Stop):
    """A strategy raised, or returned something that is no intent."""

    exit_code = 5
