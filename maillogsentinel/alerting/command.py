"""The command that each alert is handed to."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable

from maillogsentinel.errors import DeliveryError
from maillogsentinel.model import safe_text

BUDGET = 60.0
"""Seconds that the command may take in one run, for all alerts together; but each gets at least what is left."""


def hand_over(command: tuple[str, ...], documents: Iterable[str], timeout: float, budget: float = BUDGET) -> None:
    """Run `command` for each of `documents`, which it gets on its standard input, one after the other.

    It has `timeout` seconds for each. Raises DeliveryError, when all are done, with the first failure.
    """
    failure: DeliveryError | None = None
    end = time.monotonic() + max(budget, timeout)
    for document in documents:
        left = end - time.monotonic()
        if left <= 0:
            failure = failure or DeliveryError(
                f"{command[0]} takes too long: it was not run for all alerts ([alerts] command)."
            )
            break
        try:
            _run(command, document.encode() + b"\n", min(timeout, left))
        except DeliveryError as error:
            failure = failure or error
    if failure:
        raise failure


def _run(command: tuple[str, ...], data: bytes, timeout: float) -> None:
    # What the command says goes to a file in memory: a pipe would stay open as long as a child that it leaves behind.
    with open(os.memfd_create("alert-command"), "w+b") as output:
        try:
            process = subprocess.Popen(  # noqa: S603  # the administrator's own command; no shell
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True, cwd="/"
            )
        except OSError as error:
            raise DeliveryError(
                f"{command[0]} cannot be run: {error.strerror}. Correct [alerts] command, or let the service user run"
                " the file."
            ) from error
        try:
            process.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            raise DeliveryError(
                f"{command[0]} was not done after {timeout:.3g} seconds and was stopped ([alerts] command,"
                " command_timeout)."
            ) from None
        finally:
            if process.poll() is None:
                # With all its children: it leads a session of its own.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            output.seek(0)
            said = next((safe_text(line.strip()) for line in output.read(2000).splitlines() if line.strip()), "")
            how = f"ended with status {process.returncode}"
            if process.returncode < 0:
                how = f"was killed by signal {-process.returncode}"
            raise DeliveryError(f"{command[0]} {how}{' and said: ' + said[:300] if said else ''} ([alerts] command).")
