"""Commands from a chat: status, alerts, restrict, kill, flatten. Nothing is released there."""

from flyball.ops.chat.desk import Answer, Desk
from flyball.ops.chat.run import AskedRun, Commanded
from flyball.ops.chat.serve import Chatting, chat_state
from flyball.ops.chat.telegram import Bot, Unreachable

__all__ = [
    "Answer",
    "AskedRun",
    "Bot",
    "Chatting",
    "Commanded",
    "Desk",
    "Unreachable",
    "chat_state",
]
