"""What apt and dpkg print, read; and the machine's archives, told to an apt of our own."""

import pytest

from deploy.hosts import archives, versions

SHOWN = """\
Package: libc6
Version: 2.36-9+deb12u10
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~)
Description: GNU C Library
 Contains the standard libraries:
 Package: not a field

Package: linux-image-cloud-arm64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-cloud-arm64 (= 6.1.192-2)

Package: libc6
Version: 2.36-9
"""


def test_the_first_version_that_apt_shows_is_the_one_to_take():
    assert {"libc6": "libc6=2.36-9+deb12u10"} == versions.candidates(SHOWN, ["libc6"])


def test_a_package_that_stands_for_the_newest_kernel_is_followed():
    found = versions.candidates(SHOWN, ["linux-image-cloud-arm64"])

    expected = "linux-image-6.1.0-56-cloud-arm64=6.1.192-2"
    assert {"linux-image-cloud-arm64": expected} == found


def test_a_package_that_apt_does_not_know_is_not_found():
    assert {} == versions.candidates(SHOWN, ["libfoo"])
    assert {} == versions.candidates("", ["libc6"])


def test_a_source_package_is_told_from_a_package():
    shown = "Package: zlib\nBinary: zlib1g,\n zlib1g-dev\nVersion: 1:1.2.13.dfsg-1\n"

    expected = {"src:zlib": "zlib=1:1.2.13.dfsg-1"}
    assert expected == versions.source_candidates(shown, ["zlib", "openssl"])


def test_a_removed_package_is_not_installed():
    listed = "installed gcc 4:12.2.0-3\nconfig-files make 4.3\nnot-installed bc \n"

    assert {"gcc": "4:12.2.0-3"} == versions.installed(listed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="D 12"',
            ("debian bookworm", "D 12"),
        ),
        ("ID=arch\nPRETTY_NAME=Arch", ("arch", "Arch")),
        ("", ("", "of an unknown kind")),
    ],
)
def test_the_machine_says_what_it_is(text, expected):
    assert expected == versions.operating_system(text)


DEB822 = """\
# the archive
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBFit

Types: deb
URIs: https://deb.nodesource.com/node_20.x
Suites: nodistro
Components: main

Types: deb
URIs: http://switched.off/debian
Suites: bookworm
Components: main
Enabled: no
"""
LINES = """\
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror/debian bookworm main
deb-src http://mirror/debian bookworm main
deb http://mirror/security bookworm-security main # comment
deb cdrom:[Debian]/ bookworm main
deb https://download.docker.com/linux/debian bookworm stable
deb http://mirror/debian trixie main
#deb http://mirror/debian bookworm main
nonsense
"""


def test_the_release_is_taken_from_deb822_sources_with_its_key():
    told = archives.private({"debian.sources": DEB822}, "bookworm", with_sources=False)

    assert (
        "Types: deb\nUris: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBFit\n"
    ) == told


def test_the_release_is_taken_from_one_line_sources():
    told = archives.private({"sources.list": LINES}, "bookworm", with_sources=False)

    first, second = told.split("\n\n")
    assert {
        "Types: deb",
        "Uris: http://mirror/debian",
        "Suites: bookworm",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian.gpg",
    } == set(first.splitlines())
    assert "Suites: bookworm-security" in second.splitlines()


def test_source_packages_come_from_the_release_itself():
    told = archives.private({"debian.sources": DEB822, "a.list": LINES}, "bookworm", True)

    found = [dict(one) for one in versions.stanzas(told) if one["types"] == "deb-src"]
    assert ["bookworm", "bookworm"] == [one["suites"] for one in found]


def test_a_machine_without_the_release_has_no_archives_for_us():
    assert "" == archives.private({"a.list": LINES, "b.sources": DEB822}, "forky", True)


def test_indexes_that_hold_no_packages_are_not_fetched():
    dumped = (
        'Acquire::IndexTargets "";\n'
        'Acquire::IndexTargets::deb::Packages::MetaKey "x";\n'
        'Acquire::IndexTargets::deb::DEP-11::MetaKey "y";\n'
        'Acquire::IndexTargets::deb-src::Sources::MetaKey "z";\n'
    )

    assert ["deb::DEP-11"] == archives.other_indexes(dumped)
