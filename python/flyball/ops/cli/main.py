"""The `flyball` command: `flyball COMMAND --help` shows an example of each."""

import sys
import traceback
from collections.abc import Sequence

from cyclopts import App

from flyball import _core
from flyball.errors import FlyballError, StrategyError
from flyball.ops.cli import console

__all__ = ["app", "main"]

app = App(
    name="flyball",
    help="A trading engine that keeps an account from running away.",
    version=f"{_core.VERSION} (build {_core.BUILD})",
    version_flags=["--version"],
    help_format="plaintext",
)
app.command("flyball.ops.cli.demo:demo")
app.command("flyball.ops.cli.backtest:backtest")
app.command("flyball.ops.cli.sweep:sweep")
app.command("flyball.ops.cli.run:run")
app.command("flyball.ops.cli.sentinel:sentinel")
app.command("flyball.ops.cli.control:status")
app.command("flyball.ops.cli.control:kill")
app.command("flyball.ops.cli.control:restrict")
app.command("flyball.ops.cli.control:resume")
app.command("flyball.ops.cli.factor:app", name="factor")
app.command("flyball.ops.cli.observed:metrics")
app.command("flyball.ops.cli.observed:alerts", name="alerts")
app.command("flyball.ops.cli.chat:chat")
app.command("flyball.ops.cli.trace:trace")
app.command("flyball.ops.cli.dashboard:dashboard")
app.command("flyball.ops.cli.top:top")
app.command("flyball.ops.cli.drill:drill")
app.command("flyball.ops.cli.replay:replay")
app.command("flyball.ops.cli.report:app", name="report")
app.command("flyball.ops.cli.data:app", name="data")
app.command("flyball.ops.cli.risk:app", name="risk")
app.command("flyball.ops.cli.exchange:exchange")
app.command("flyball.ops.cli.observe:app", name="observe")
app.command("flyball.ops.cli.proof:proof")
app.command("flyball.ops.cli.doctor:doctor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and turn what goes wrong into a message and an exit code."""
    try:
        told = app(arguments, exit_on_error=True, print_error=True, result_action="return_value")
    except FlyballError as error:
        console.say(f"flyball: {error}")
        if isinstance(error, StrategyError) and error.__cause__ is not None:
            sys.stderr.writelines(traceback.format_exception(error.__cause__))
        return error.exit_code
    except KeyboardInterrupt:
        console.say("flyball: interrupted")
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        console.say(f"flyball: {where}{error.strerror or error}")
        return 3
    return told if isinstance(told, int) else 0


if __name__ == "__main__":
    sys.exit(main())
