"""A host has a name."""

import pytest

from deploy.hosts.host import Host, HostError, known, split_name


@pytest.mark.parametrize("name", known())
def test_a_name_says_architecture_and_mode_and_a_host_says_its_name(name):
    assert name == Host(*split_name(name)).name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("native", ("native", "native")),
        ("alpha", ("alpha", "user")),
        ("arm64-system", ("arm64", "system")),
    ],
)
def test_names_mean_what_they_say(name, expected):
    assert expected == split_name(name)


@pytest.mark.parametrize("name", ["", "vax", "native-system", "-system", "alpha-system-system"])
def test_another_name_is_refused_with_the_known_ones(name):
    with pytest.raises(HostError, match="native, arm64, armhf, alpha, arm64-system"):
        split_name(name)
