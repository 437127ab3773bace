"""What a run says, as lines of JSON; and the life of its orders, as spans."""

from flyball.ops.logs.orders import Life, lives
from flyball.ops.logs.runlog import RunLog, redacted
from flyball.ops.logs.spans import export, to_otlp

__all__ = ["Life", "RunLog", "export", "lives", "redacted", "to_otlp"]
