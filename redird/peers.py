"""Who is at the other end of a link to the redirector."""

from dataclasses import dataclass

from redird.wire.link import Link


@dataclass(slots=True, eq=False)
class Peer:
    """Whoever is at the other end of a link to us, or a mount, which needs none.

    `private`: passwords may travel over it.
    """

    number: int
    link: Link | None
    uid: int | None
    private: bool
    own_uid: int
