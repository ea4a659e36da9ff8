"""Work done as the service user: in a child that gave root up, has no terminal to type into, and ends in time."""

import json
import os
import pwd
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from maillogsentinel.errors import MailLogSentinelError
from maillogsentinel.privileges import become_owner
from maillogsentinel.setup.finding import NOTE, WRONG, Finding, shown

SECONDS = 90.0
"""What a check may take: more than the time-outs of what it asks."""
_MOST = 1 << 16


def service_user(state_dir: str) -> str:
    """Return the name of the user who `become_owner` makes of this one."""
    number = os.geteuid()
    if number == 0:
        number = os.stat(state_dir).st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"number {number}"


def found(state_dir: str, check: Callable[[], Finding], seconds: float = SECONDS) -> Finding:
    """Return what `check` finds as the owner of `state_dir`; one that takes too long is stopped, and that is found."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    child = _fork()
    if not child:
        _check(state_dir, check, writing)
    os.close(writing)
    try:
        data = _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        _end(child)
    if data is None:
        return Finding(NOTE, f"the check was not done after {seconds:g} seconds and was stopped")
    try:
        verdict, sentence, value = json.loads(data)
        return Finding(verdict, shown(sentence), value)
    except (ValueError, TypeError, AttributeError):
        return Finding(NOTE, "the check ended without a result")


def status(state_dir: str, work: Callable[[], int]) -> int:
    """Do `work` as the owner of `state_dir`, with our output, and return its exit status; Ctrl-C interrupts it."""
    child = _fork()
    if not child:
        _work(state_dir, work)
    while True:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except KeyboardInterrupt:
            os.kill(child, signal.SIGINT)


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork()


def _read(pipe: int, deadline: float) -> bytes | None:
    """All that comes through `pipe`; None when its end does not come in time."""
    data = b""
    while True:
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        block = os.read(pipe, _MOST)
        if not block or len(data) > _MOST:
            return data
        data += block


def _end(child: int) -> None:
    """With all that it has started: it leads a session of its own."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)  # it has not come so far yet, or is done
    os.waitpid(child, 0)


def _become(state_dir: str, *silent: int) -> None:
    os.setsid()  # else the service user could put words into root's terminal
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, *silent):
        os.dup2(nothing, descriptor)
    become_owner(state_dir)


def _check(state_dir: str, check: Callable[[], Finding], writing: int) -> NoReturn:
    try:
        _become(state_dir, 1, 2)
        try:
            result = check()
        except MailLogSentinelError as error:
            result = Finding(WRONG, str(error))
        except Exception as error:
            result = Finding(NOTE, f"the check could not be made ({type(error).__name__}: {error})"[:300])
        with open(writing, "wb", closefd=False) as pipe:
            pipe.write(json.dumps(result).encode())
    finally:
        os._exit(0)


def _work(state_dir: str, work: Callable[[], int]) -> NoReturn:
    ended = 1
    try:
        _become(state_dir)
        ended = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        ended = 130
    except Exception as error:
        print(f"maillogsentinel: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(ended)
