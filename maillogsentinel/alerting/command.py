"""The command that each alert is handed to."""

import time
from collections.abc import Iterable

from maillogsentinel.errors import DeliveryError
from maillogsentinel.handing import hand

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
    try:
        status, said = hand(command, data, timeout)
    except TimeoutError:
        raise DeliveryError(
            f"{command[0]} was not done after {timeout:.3g} seconds and was stopped ([alerts] command,"
            " command_timeout)."
        ) from None
    except OSError as error:
        raise DeliveryError(
            f"{command[0]} cannot be run: {error.strerror}. Correct [alerts] command, or let the service user run"
            " the file."
        ) from error
    if status:
        how = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
        raise DeliveryError(f"{command[0]} {how}{said} ([alerts] command).")
