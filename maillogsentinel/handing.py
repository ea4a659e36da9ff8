"""Handing bytes to a program of the administrator's choice, which may hang, fork or say anything."""

import os
import signal
import subprocess
from collections.abc import Sequence

from maillogsentinel.model import safe_text


def hand(command: Sequence[str], data: bytes, timeout: float) -> tuple[int, str]:
    """Run `command` with `data` on its standard input, without a shell, in the root directory.

    Return its exit status, negative for a signal, and the first line that it said as the end of a sentence, safe text;
    empty for none. Raises OSError when it cannot be run, and TimeoutError when it was not done after `timeout` seconds:
    it was killed then, with all its children.
    """
    # What the command says goes to a file in memory: a pipe would stay open as long as a child that it leaves behind.
    with open(os.memfd_create("output"), "w+b") as output:
        process = subprocess.Popen(  # noqa: S603  # the administrator's own command; no shell
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
        try:
            process.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            if process.poll() is None:
                # With all its children: it leads a session of its own.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        said = next((safe_text(line.strip()) for line in output.read(2000).splitlines() if line.strip()), "")
    return process.returncode, f" and said: {said[:300]}" if said else ""
