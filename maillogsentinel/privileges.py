"""Nothing runs as root that need not: a command that touches state first becomes the state directory's owner."""

import os


def become_owner(state_dir: str) -> None:
    """Give root up for the owner of `state_dir`, with that user's groups; nothing happens for other users.

    A directory that root owns, or that is not there yet, leaves root as it is.
    """
    if os.geteuid() != 0:
        return
    try:
        status = os.stat(state_dir)
    except OSError:
        return
    if status.st_uid == 0:
        return
    import pwd

    try:
        user = pwd.getpwuid(status.st_uid)
    except KeyError:
        os.setgroups([status.st_gid])
        os.setgid(status.st_gid)
    else:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
    os.setuid(status.st_uid)
