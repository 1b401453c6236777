"""A peer that speaks another protocol, or none: a port scanner, a browser, a bit-rotten client.

Its link is ended with a reason, it costs nobody else anything, and no daemon falls over it.
"""

from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import chosen
from clients.faults.strangers import within
from redird.wire.framing import encode_frame

SAID = (
    b"GET / HTTP/1.1\r\nHost: files\r\n\r\n",
    b"\xffSMBr\x00\x00\x00\x00\x18\x53\xc8",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00\x00\x00\x02\x00\x00\x00\x00\x92\xc1",
    b"\xff" * 64,
    b"".join(encode_frame([1, "Negotiate", []])),
    b"".join(encode_frame([1, "CloseBatch", [[1, [1, 2, 3]]]])),
    b"".join(encode_frame([-7, "Echoed", []])),
)


class Garbage:
    """Say to a program what is no message, or none that may come first."""

    name = "garbage"
    band = "protocol"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        said = 0
        ends_at = trio.current_time() + length_s
        while trio.current_time() < ends_at:
            program = chosen(random, list(field.programs))
            words = random.choice((*SAID, random.randbytes(random.randint(1, 2000))))
            async with within(length_s / 4), field.stranger(program) as stream:
                await stream.send_all(words)
                said += 1
                await stream.receive_some(1)
            await trio.sleep(length_s / 20)
        return said


KIND = Garbage()
