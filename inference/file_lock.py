"""Lock a file for one process: the kernel takes the lock back when the process ends, however."""

import errno
import fcntl

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


def lock_file(handle: int) -> bool:
    """Lock an open file or folder until it is closed. Return False where there are no locks.

    On network file systems a lock binds between hosts as far as the server's do (NFS: yes, unless
    mounted with nolock or local_lock). Raises BlockingIOError if another process holds it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True
