r"""Which link leads to the server in `\\server\share`.

One link per server is shared by all sessions, or with `link_per_session` each session has its
own, as NT has it with MultipleUsersOnConnection = 0 (Q190162).
"""

import functools

from redird import answers, closing
from redird.reclaims import Patience
from redird.sessions import Session
from redird.state import State
from redird.upstream import ServerLink
from redird.wire.errors import Refused
from redird.wire.status import Status


def server_link(state: State, session: Session, server: str) -> ServerLink:
    """Return the session's link to a server, made if need be; raises Refused if unknown."""
    addresses = {name.casefold(): where for name, where in state.config.servers.items()}
    address = addresses.get(server.casefold())
    if address is None:
        known = ", ".join(state.config.servers) or "none"
        raise Refused(Status.STATUS_BAD_NETWORK_PATH, f"{server!r}; [servers] names {known}")
    name, private = link_name(state, session, server), state.config.link_per_session
    if name not in state.links:
        state.links[name] = ServerLink(
            name,
            f"{state.instance}/{session.number}" if private else state.instance,
            state.epoch,
            functools.partial(
                state.world.open_link,
                address,
                silence_max_s=state.config.server_silence_max_s,
                confirming=True,
                key=state.instance_key,
            ),
            answers.Answers(state),
            state.spawn,
            recall=state.policy.slot_recall,
            private=private,
            silence_max_s=state.config.server_silence_max_s,
            patience=Patience(
                state.config.reconnect_max_s,
                state.config.reconnect_first_s,
                state.config.reconnect_pause_max_s,
            ),
        )
    return state.links[name]


def link_name(state: State, session: Session, server: str) -> str:
    """Return the name under which `state.links` has the session's link to a server."""
    name = server.casefold()
    return f"{name}/{session.number}" if state.config.link_per_session else name


def drop_links(state: State, session: Session) -> None:
    """The session is gone: links of its own end, unless what it has left still needs them."""
    if state.config.link_per_session:
        for server in state.config.servers:
            closing.drop_link_if_unused(state, link_name(state, session, server))
