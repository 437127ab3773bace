"""Strategies that do what strategies should not, once they hold something."""

import ctypes
import sys
import time

import flyball as fb


class Holder:
    """Holds four hundred lots, and never wants anything else."""

    wake = fb.Wake(every="100ms")

    def decide(self, view: fb.View) -> object:
        return self.misbehave() if view.position else fb.Target(400)

    def misbehave(self) -> object:
        return None


class Sleeper(Holder):
    """Sleeps for a minute."""

    def misbehave(self) -> object:
        time.sleep(60)
        return None


class Spinner(Holder):
    """Never comes back."""

    def misbehave(self) -> object:
        while True:
            pass


class Raiser(Holder):
    """Raises."""

    def misbehave(self) -> object:
        raise ValueError("a fault of the strategy's own")


class Nonsense(Holder):
    """Returns something that is no intent."""

    def misbehave(self) -> object:
        return "buy"


class Hog(Holder):
    """Takes all the memory that it can get."""

    def misbehave(self) -> object:
        taken: list[bytes] = []
        while True:
            taken.append(b"x" * (4 << 20))
            time.sleep(0.005)


class Quitter(Holder):
    """Ends its own thread."""

    def misbehave(self) -> object:
        sys.exit(3)


class Grabber(Holder):
    """Holds Python's lock without ever letting go: no other thread of Python's runs."""

    def misbehave(self) -> object:
        ctypes.PyDLL(None).sleep(60)
        return None
