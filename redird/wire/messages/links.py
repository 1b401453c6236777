"""The link itself: negotiation, keepalive, and how a request is refused."""

from dataclasses import field
from typing import Any

from redird.wire.messages.vocabulary import Message, message

PROTOCOL_VERSION = 1


@message
class Negotiate(Message):
    """First message on a link. `instance` and `epoch` name a redirector, empty for a client.

    `key` is the instance's secret: who shows the same one is the same redirector, who shows
    another one, or none, is another of the same name. Nothing of the one is the other's.
    """

    version_min: int
    version_max: int
    capabilities: tuple[str, ...]
    instance: str = ""
    epoch: int = 0
    key: str = ""


@message
class Negotiated(Message):
    """`role` is shareserver or redird; `requests_max` may be in flight towards the speaker."""

    version: int
    capabilities: tuple[str, ...]
    role: str
    instance: str
    requests_max: int
    payload_max: int


@message
class Echo(Message):
    """Are you there?"""


@message
class Echoed(Message):
    """Yes."""


@message
class RefusedReply(Message):
    """The answer is no: an NT status by number, what it is about, and details for programs."""

    status: int
    subject: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
