"""The architectures that can be built and run: a row for each, and its steps' scripts.

To add one: a row here and in `host.ARCHES`, the scripts it names in `scripts/`, and how QEMU is
started for it in `user.py` and `system.py`.
"""

from deploy.hosts.steps import Architecture, Step

CPIO = "../cpio.py"

# --- Debian has everything compiled -----------------------------------------------------------

PYTHON_PACKAGES = (
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "libgcc-s1",
    "zlib1g",
    "libexpat1",
    "libssl3",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
    "libuuid1",
    "libcrypt1",
    "libsqlite3-0",
    "busybox-static",
)


def unpacked(name: str, kernel: str, emulator: str) -> Architecture:
    """An architecture whose packages are unpacked, and those of its kernel and its QEMU."""
    return Architecture(
        name=name,
        debian=name,
        emulators=("qemu-user-static", emulator),
        builders=("python3.11",),
        steps=(
            Step(
                "root",
                "arm-root.sh",
                packages=PYTHON_PACKAGES,
                texts=("common.sh", "python.sh"),
            ),
            Step("kernel", "arm-kernel.sh", packages=(kernel,), texts=("common.sh",)),
            Step(
                "initramfs",
                "initramfs.sh",
                needs=("root", "kernel"),
                texts=("common.sh", "../initramfs.py", CPIO),
            ),
        ),
    )


# --- Alpha: Debian has a compiler for it, and the sources -------------------------------------

CROSS_TOOLS = ("gcc-12-alpha-linux-gnu", "binutils-alpha-linux-gnu")
CROSS_LIBRARIES = ("libc6.1-alpha-cross", "libc6.1-dev-alpha-cross")
CROSS = (*CROSS_TOOLS, *CROSS_LIBRARIES)
CROSS_TEXTS = ("common.sh", "alpha.sh")


# The longest first: they are begun in this order, as far as what they need is there.
ALPHA = Architecture(
    name="alpha",
    debian="",
    emulators=("qemu-user-static", "qemu-system-misc"),
    builders=(
        "gcc-alpha-linux-gnu",
        *CROSS,
        "gcc",
        "libc6-dev",
        "make",
        "perl",
        "flex",
        "bison",
        "bc",
        "bzip2",
        "xz-utils",
        "python3.11",
    ),
    steps=(
        Step("openssl", "alpha-openssl.sh", (), (), ("openssl",), CROSS, CROSS_TEXTS),
        Step("zlib", "alpha-zlib.sh", (), (), ("zlib",), CROSS, CROSS_TEXTS),
        Step("libffi", "alpha-libffi.sh", (), (), ("libffi",), CROSS, CROSS_TEXTS),
        Step(
            "kernel",
            "alpha-kernel.sh",
            packages=("linux-source-6.1",),
            tools=CROSS_TOOLS,
            texts=(*CROSS_TEXTS, "alpha-kernel.config", "alpha-kernel.unused"),
        ),
        Step(
            "python",
            "alpha-python.sh",
            needs=("zlib", "libffi", "openssl"),
            sources=("python3.11",),
            tools=CROSS,
            texts=(*CROSS_TEXTS, "python.sh", "alpha-python.site", "alpha-python.setup"),
        ),
        Step(
            "busybox",
            "alpha-busybox.sh",
            sources=("busybox",),
            tools=CROSS,
            texts=(*CROSS_TEXTS, "alpha-busybox.config"),
        ),
        Step(
            "root",
            "alpha-root.sh",
            needs=("python", "busybox"),
            tools=CROSS_LIBRARIES,
            texts=(*CROSS_TEXTS, "python.sh"),
        ),
        Step(
            "initramfs",
            "initramfs.sh",
            needs=("root",),
            texts=("common.sh", "../initramfs.py", CPIO),
        ),
    ),
)

ARCHITECTURES = {
    one.name: one
    for one in (
        unpacked("arm64", "linux-image-cloud-arm64", "qemu-system-arm"),
        unpacked("armhf", "linux-image-armmp-lpae", "qemu-system-arm"),
        ALPHA,
    )
}
