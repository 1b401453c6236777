"""What tests of one module share: a share mounted twice, as by two hosts."""

import pytest

from tests.processes.daemons import for_module, redirector, stage
from tests.processes.mounts import mounted, require_fuse


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    require_fuse()
    folder = tmp_path_factory.mktemp("mount")
    with for_module(stage(folder)) as house, mounted(house.redirector, folder / "at") as at:
        yield house, at


@pytest.fixture(scope="module")
def elsewhere(share, tmp_path_factory):
    """The same share mounted by another redirector, as on another host."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with (
        for_module(redirector(folder, share[0].server.tcp)) as other,
        mounted(other, folder / "at") as at,
    ):
        yield at
