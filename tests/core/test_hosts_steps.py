"""The key of a step says all that goes into it, and nothing else."""

import dataclasses

import pytest

from deploy.hosts.architectures import ARCHITECTURES
from deploy.hosts.host import ARCHES
from deploy.hosts.planning import SCRIPTS
from deploy.hosts.steps import Architecture, Step, keys

HOST = Architecture(
    "pdp11",
    "pdp11",
    ("qemu",),
    ("cc",),
    (
        Step("library", "library.sh", sources=("zlib",), tools=("cc",), texts=("flags",)),
        Step("root", "root.sh", needs=("library",), packages=("libc6",)),
        Step("kernel", "kernel.sh", packages=("linux",)),
    ),
)
TEXTS = {name: name.encode() for name in ("library.sh", "flags", "root.sh", "kernel.sh")}
VERSIONS = {"src:zlib": "zlib=1.2", "libc6": "libc6=2.36", "linux": "linux-6=6.1"}
TOOLS = {"cc": "12"}


def changed(texts=(), versions=(), tools=()) -> set[str]:
    """The parts whose keys are others when something differs."""
    before = keys(HOST, TEXTS.__getitem__, VERSIONS, TOOLS)
    now = {**TEXTS, **dict(texts)}
    after = keys(
        HOST, now.__getitem__, {**VERSIONS, **dict(versions)}, {**TOOLS, **dict(tools)}
    )
    return {part for part in before if before[part] != after[part]}


def test_nothing_changed_is_nothing_to_build():
    assert set() == changed(versions={"other": "1"}, tools={"ld": "2"}, texts={"other": b""})


def test_a_changed_script_makes_its_part_and_what_is_made_from_it_anew():
    assert {"library", "root"} == changed(texts={"library.sh": b"echo"})
    assert {"root"} == changed(texts={"root.sh": b"echo"})


def test_a_changed_text_that_a_script_reads_counts_as_the_script():
    assert {"library", "root"} == changed(texts={"flags": b"-O3"})


def test_another_version_makes_anew_what_it_goes_into():
    assert {"kernel"} == changed(versions={"linux": "linux-6=6.2"})
    assert {"root"} == changed(versions={"libc6": "libc6=2.37"})
    assert {"library", "root"} == changed(versions={"src:zlib": "zlib=1.3"})


def test_another_compiler_makes_anew_what_it_compiled():
    assert {"library", "root"} == changed(tools={"cc": "13"})


def test_the_same_step_of_another_architecture_has_another_key():
    other = keys(dataclasses.replace(HOST, name="vax"), TEXTS.__getitem__, VERSIONS, TOOLS)

    assert set() == set(other.values()) & set(
        keys(HOST, TEXTS.__getitem__, VERSIONS, TOOLS).values()
    )


def test_a_version_that_is_not_known_is_an_error():
    with pytest.raises(KeyError):
        keys(HOST, TEXTS.__getitem__, {}, TOOLS)


@pytest.mark.parametrize("arch", ARCHES)
def test_a_row_of_the_table_is_whole(arch):
    architecture = ARCHITECTURES[arch]
    made: set[str] = set()
    for step in architecture.steps:
        assert set(step.needs) <= made, "a step comes after those it needs"
        made.add(step.part)
        for name in (step.script, *step.texts):
            assert (SCRIPTS / name).is_file()
        assert step.script.endswith(".sh")
        assert set(step.tools) <= set(architecture.builders)
    assert {"root", "kernel", "initramfs"} <= made


def test_every_script_is_in_a_row():
    used = {
        (SCRIPTS / name).resolve()
        for one in ARCHITECTURES.values()
        for step in one.steps
        for name in (step.script, *step.texts)
    }

    assert set() == {path.resolve() for path in SCRIPTS.iterdir()} - used


@pytest.mark.parametrize("arch", ARCHES)
def test_a_script_reads_no_text_that_its_key_does_not_say(arch):
    for step in ARCHITECTURES[arch].steps:
        text = (SCRIPTS / step.script).read_text()
        named = {path.name for path in SCRIPTS.iterdir() if f"/{path.name}" in text}
        assert named <= {*step.texts, step.script}
        froms = {part for part in ("root", "kernel") if f"FROM_{part.upper()}" in text}
        assert froms - {"kernel"} <= set(step.needs)
