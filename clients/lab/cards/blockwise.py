"""What users of a card do with single blocks of a file, as seeded trials do."""

from clients.lab.cards.acting import Act, Done, Person, Scene, at
from clients.lab.cards.outcome import SUCCESS
from clients.lab.cards.vocabulary import Step
from clients.lab.checking.history import BLOCK_BYTES
from clients.lab.exercising.blocks import block, value_of


async def put(scene: Scene, person: Person, step: Step) -> Done:
    """Fill one block of an open file with the text of a number."""
    file = person.file(step)
    await file.seek(BLOCK_BYTES * int(step.words["block"]))
    await file.write(block(int(step.words["value"])))
    return Done()


async def get(scene: Scene, person: Person, step: Step) -> Done:
    """Read one block of an open file: whose text it is, 0 if nobody's."""
    file = person.file(step)
    await file.seek(BLOCK_BYTES * int(step.words["block"]))
    return Done(f"{SUCCESS} {value_of(await file.read(BLOCK_BYTES))}")


async def fsync(scene: Scene, person: Person, step: Step) -> Done:
    """Bring an open file to the server's disk."""
    await person.file(step).flush()
    return Done()


async def stat(scene: Scene, person: Person, step: Step) -> Done:
    """Ask for a file's attributes."""
    await person.there().stat(at(step.words["path"]))
    return Done()


ACTS: dict[str, Act] = {"put": put, "get": get, "fsync": fsync, "stat": stat}
