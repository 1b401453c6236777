"""What may happen in a card: one line a step, read and written by the same table of forms.

    alice@host1 logs on
    meanwhile user1..user9 each connects docs -> crowd

A step is a verb with its words as text, so that a program can make one as well: `make("wait",
{"seconds": "10"})`. `-> NAME` names what the step gives, to be compared with what is expected.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from redird.wire.messages.vocabulary import MESSAGES

PEOPLE_MAX = 1000
SECONDS_MAX = 86_400.0
SERVER_PLACE = "server"
MEANWHILE, ARROW = "meanwhile ", " -> "

_PERSON = r"[a-z][a-z_]*(?:#?[0-9]+)?"
_PATH = r"[a-z][a-z0-9_.~-]*(?:/[a-z0-9_.~-]+)*"
_HOST = r"host[1-9][0-9]?"
# What may stand for each `{slot}` of a form, and how it is shown to whoever writes cards.
SLOTS = {
    "user": (rf"{_PERSON}(?:\.\.{_PERSON} each)?", "USER"),
    "newcomer": (
        rf"{_PERSON}(?:\.\.{_PERSON})?(?:@(?:{_HOST}|server))?(?: each)?",
        "USER@HOST",
    ),
    "one": (_PERSON, "USER"),
    "host": (_HOST, "HOST"),
    "path": (_PATH, "PATH"),
    "target": (_PATH, "PATH"),
    "paths": (rf"{_PATH}(?: {_PATH})*", "PATHS"),
    "file": (r"[A-Z][A-Z0-9]*", "FILE"),
    "purpose": (r"reading|reading or making|writing", "reading|reading or making|writing"),
    "value": (r"[1-9][0-9]{0,17}", "NUMBER"),
    "block": (r"0|[1-9][0-9]{0,4}", "N"),
    "count": (r"[1-9][0-9]{0,4}", "N"),
    "seconds": (r"[0-9]+(?:\.[0-9]+)?", "SECONDS"),
    "message": (r"[A-Z][A-Za-z]+", "MESSAGE"),
}
_RESERVED = re.compile(rf"(?:{_HOST}|server|the|wait|count|list|look|meanwhile|everybody)$")
LABEL = re.compile(r"[a-z][a-z0-9_]*")


class CardError(Exception):
    """A card that cannot be played; the text names the place and what is allowed."""


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of step. `kind`: who does it (user, host, admin), or time, or a look."""

    verb: str
    kind: str
    template: str
    says: str

    @property
    def shown(self) -> str:
        """The form as it is explained to people."""
        return re.sub(r"\{(\w+)\}", lambda slot: SLOTS[slot[1]][1], self.template)

    def pattern(self) -> re.Pattern[str]:
        """What a step of this form looks like."""
        parts = re.split(r"\{(\w+)\}", self.template)
        return re.compile(
            "".join(
                f"(?P<{part}>{SLOTS[part][0]})" if number % 2 else re.escape(part)
                for number, part in enumerate(parts)
            )
        )


FORMS = {
    form.verb: form
    for form in (
        Form(
            "logon", "user", "{newcomer} logs on", "at a host, host1 if none; or at the server"
        ),
        Form("logoff", "user", "{user} logs off", ""),
        Form("connect", "user", "{user} connects docs", "takes a slot; opens do it if need be"),
        Form("again", "user", "{user} connects docs again", "the second of two: one slot"),
        Form("disconnect", "user", "{user} disconnects docs", "refused while files are open"),
        Form("force", "user", "{user} disconnects docs by force", ""),
        Form("open", "user", "{user} opens {path} for {purpose} as {file}", ""),
        Form("alone", "user", "{user} opens {path} for {purpose} alone as {file}", "no others"),
        Form("read", "user", "{user} reads {file}", "a file open"),
        Form("write", "user", "{user} writes {file}", ""),
        Form("put", "user", "{user} writes {value} to block {block} of {file}", "its text"),
        Form("get", "user", "{user} reads block {block} of {file}", "gives the number"),
        Form("fsync", "user", "{user} flushes {file}", "to the server's disk"),
        Form("stat", "user", "{user} asks about {path}", ""),
        Form("lock", "user", "{user} locks {file}", ""),
        Form("close", "user", "{user} closes {file}", ""),
        Form("look", "user", "{user} reads {path}", "opens, reads, closes"),
        Form("visit", "user", "{user} visits {paths}", "opens, writes, closes each"),
        Form("visit_many", "user", "{user} visits {count} files", "of the user's own"),
        Form("delete", "user", "{user} deletes {path}", ""),
        Form("rename", "user", "{user} renames {path} to {target}", ""),
        Form("replace", "user", "{user} renames {path} over {target}", ""),
        Form("make", "user", "{user} makes folder {path}", ""),
        Form("remove", "user", "{user} removes folder {path}", ""),
        Form("lose", "user", "{user} loses the link", "to the host"),
        Form("cut", "host", "{host} loses its link", "to the server; both ends see it"),
        Form(
            "cut_of", "host", "{host} loses the link of {one}", "the one that user comes over"
        ),
        Form("silent", "host", "{host} falls silent", "neither end can tell"),
        Form("withhold", "host", "{host} withholds {message}", "these never reach the server"),
        Form("miss", "host", "{host} misses {message}", "these never reach the host"),
        Form("heard", "host", "{host} is heard again", "what was held comes through"),
        Form("slow", "host", "{host} is slow by {seconds} s", "each way, from now on"),
        Form("die", "host", "{host} dies", "silently, with all its users"),
        Form("restart", "host", "{host} starts again", "under its old name, in 1 s"),
        Form("end_session", "admin", "the admin closes the session of {one}", ""),
        Form("end_use", "admin", "the admin closes the connection of {one}", ""),
        Form("end_file", "admin", "the admin closes the file {path}", ""),
        Form("kill", "admin", "the server is killed", "nothing of it is cleaned up"),
        Form("start", "admin", "the server starts again", "over its disks and its journal"),
        Form("wait", "time", "wait {seconds} s", ""),
        Form("join", "time", "wait for everybody", "all that was begun with `meanwhile`"),
        Form("slots", "look", "count slots", "of docs that are taken"),
        Form("peak", "look", "count most slots", "that were ever taken at once"),
        Form("dormant", "look", "count dormant files", "at all hosts"),
        Form("handles", "look", "count open files", "at the server"),
        Form("sessions", "look", "count sessions", "logged on at the hosts"),
        Form("users", "look", "count users", "whom the server has sessions of"),
        Form("links", "look", "count links", "to the server"),
        Form("sent", "look", "count {message} requests", "that have reached the server"),
        Form("kept", "look", "list dormant files", ""),
        Form("holders", "look", "list slots", "who holds each, and its state"),
        Form("inside", "look", "look into the tables", "what is at odds there, or nothing"),
    )
}
_PATTERNS = {verb: form.pattern() for verb, form in FORMS.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a card. `label` is empty if nothing but success is expected of it."""

    verb: str
    words: Mapping[str, str]
    label: str = ""
    meanwhile: bool = False

    @property
    def form(self) -> Form:
        """What kind of step it is."""
        return FORMS[self.verb]

    @property
    def people(self) -> list[str]:
        """Who does it; nobody in particular if it is no user's."""
        who = self.words.get("user") or self.words.get("newcomer", "")
        return list(_expand(who.removesuffix(" each").partition("@")[0])) if who else []

    @property
    def place(self) -> str:
        """Where a newcomer logs on."""
        return self.words["newcomer"].removesuffix(" each").partition("@")[2] or "host1"

    @property
    def hosts(self) -> list[str]:
        """Which hosts it names."""
        named = [self.words["host"]] if "host" in self.words else []
        at = [self.place] if "newcomer" in self.words else []
        return [host for host in named + at if host != SERVER_PLACE]


def parse(line: str) -> Step:
    """Read one step; raises CardError."""
    text = " ".join(line.split())
    body, arrow, label = text.partition(ARROW)
    meanwhile = body.startswith(MEANWHILE)
    body = body.removeprefix(MEANWHILE)
    if arrow and not LABEL.fullmatch(label):
        raise CardError(f"{label!r} is no name for an outcome; use a-z, 0-9 and _")
    for verb, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(body):
            step = Step(verb, found.groupdict(), label, meanwhile)
            _require_sense(step)
            return step
    raise CardError(f"no such step; {_advice(body)}")


def make(
    verb: str, words: Mapping[str, str], *, label: str = "", meanwhile: bool = False
) -> Step:
    """Make a step as a program does; raises CardError if it cannot be written."""
    if verb not in FORMS or not _fits(verb, words):
        raise CardError(f"{verb} with {words}: no such step")
    made = Step(verb, words, label, meanwhile)
    if parse(render(made)) != made:
        raise CardError(f"{render(made)!r} reads as another step")
    return made


def _fits(verb: str, words: Mapping[str, str]) -> bool:
    return set(re.findall(r"\{(\w+)\}", FORMS[verb].template)) == set(words)


def render(step: Step) -> str:
    """Write a step as `parse` reads it."""
    begins = MEANWHILE if step.meanwhile else ""
    ends = f"{ARROW}{step.label}" if step.label else ""
    return f"{begins}{step.form.template.format(**step.words)}{ends}"


def user_of(person: str) -> str:
    """Whose account a person uses: `guest#2` is guest's second session."""
    return person.partition("#")[0]


def _require_sense(step: Step) -> None:
    if step.meanwhile and step.form.kind != "user":
        raise CardError("only what users do can be done meanwhile")
    if step.form.kind == "look" and not step.label:
        raise CardError("what is counted or listed needs a name: end the line in `-> NAME`")
    if step.form.kind not in ("look", "user") and step.label:
        raise CardError("only what users do, counts and lists have an outcome to be named")
    message = step.words.get("message", "")
    if message and message not in MESSAGES:
        near = get_close_matches(message, MESSAGES, 1)
        raise CardError(
            f"no message {message}" + (f"; did you mean {near[0]}?" if near else "")
        )
    if float(step.words.get("seconds", 0)) > SECONDS_MAX:
        raise CardError(f"at most {SECONDS_MAX:g} s")
    _require_people(step)


def _require_people(step: Step) -> None:
    who = step.words.get("user") or step.words.get("newcomer", "")
    if (".." in who) is not who.endswith(" each"):
        raise CardError("several users are written `user1..user9 each`, one without `each`")
    people = [*step.people, *([step.words["one"]] if "one" in step.words else [])]
    if reserved := [one for one in people if _RESERVED.match(one)]:
        raise CardError(f"{reserved[0]!r} is no name for a user")


def _expand(who: str) -> Iterator[str]:
    first, dots, last = who.partition("..")
    if not dots:
        yield who
        return
    stem, number = _split(first)
    other, end = _split(last)
    plain = all(one == one.lstrip("0") for one in (number, end))
    if not number or not plain or stem != other or not int(number) < int(end or 0):
        raise CardError(f"{who}: use one name with growing numbers, as user1..user9")
    if int(end) - int(number) >= PEOPLE_MAX:
        raise CardError(f"{who}: at most {PEOPLE_MAX} users")
    yield from (f"{stem}{one}" for one in range(int(number), int(end) + 1))


def _split(person: str) -> tuple[str, str]:
    stem = person.rstrip("0123456789")
    return stem, person[len(stem) :]


def _advice(body: str) -> str:
    """Name the form that was probably meant, or all that begin alike."""
    kinds = {"host": "host", "the": "admin", "wait": "time", "count": "look", "list": "look"}
    kinds["look"] = "look"
    first = body.partition(" ")[0]
    kind = kinds.get(first.rstrip("0123456789"), "user")
    shown = {form.shown.partition(" ")[2]: form.shown for form in FORMS.values()}
    alike = [form.shown for form in FORMS.values() if form.kind == kind]
    rest = get_close_matches(body.partition(" ")[2], shown, 1, cutoff=0.6)
    meant = f"did you mean `{shown[rest[0]]}`? " if rest else ""
    return f"{meant}there are: {'; '.join(alike)}"
