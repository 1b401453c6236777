"""Rename to a name that must be free, in one step as others see it.

The kernel's RENAME_NOREPLACE does it. Where kernel or file system lacks that, the new name is
taken first, by a call that fails if somebody has it, and only then is the old one left.
"""

import ctypes
import errno
import os
import stat

_RENAME_NOREPLACE = 1

_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
if _renameat2 is not None:
    _renameat2.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    )


def rename_to_free_name(old_folder: int, old: bytes, new_folder: int, new: bytes) -> None:
    """Rename, beneath two open folders; raises OSError, EEXIST if the new name is taken."""
    if _renameat2 is None:
        return by_taking(old_folder, old, new_folder, new)
    if not _renameat2(old_folder, old, new_folder, new, _RENAME_NOREPLACE):
        return None
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return by_taking(old_folder, old, new_folder, new)
    raise OSError(number, os.strerror(number))


def by_taking(old_folder: int, old: bytes, new_folder: int, new: bytes) -> None:
    """Do the same without the kernel's help; a folder's new name is seen empty for a moment."""
    found = os.stat(old, dir_fd=old_folder, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        os.mkdir(new, 0o700, dir_fd=new_folder)
        try:
            os.rename(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
        except OSError:
            os.rmdir(new, dir_fd=new_folder)
            raise
    else:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
        try:
            os.unlink(old, dir_fd=old_folder)
        except OSError:
            os.unlink(new, dir_fd=new_folder)
            raise
