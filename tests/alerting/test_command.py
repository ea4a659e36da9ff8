"""The command that alerts are handed to: its time is bounded, and so is that of all of them."""

import os
import time

import pytest

from maillogsentinel.alerting.command import hand_over
from maillogsentinel.errors import DeliveryError


@pytest.fixture
def command(tmp_path):
    def make(text):
        path = tmp_path / "command"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return (str(path),)

    return make


def test_a_failure_keeps_no_other_document_back(command, tmp_path):
    program = command(f"read line; echo $line >> {tmp_path}/got; test $line = two")
    with pytest.raises(DeliveryError, match="ended with status 1"):
        hand_over(program, ["one", "two", "three"], 10)
    assert (tmp_path / "got").read_text() == "one\ntwo\nthree\n"


def test_a_command_that_does_not_read_its_input_has_not_failed(command):
    hand_over(command("exit 0"), ["x" * 1_000_000], 10)


def test_all_documents_together_have_a_bounded_time(command):
    begin = time.monotonic()
    with pytest.raises(DeliveryError, match=r"was not done after 0\.2 seconds"):
        hand_over(command("exec sleep 60"), ["x"] * 1000, 0.2, budget=0.5)
    assert time.monotonic() - begin < 30
    with pytest.raises(DeliveryError, match=r"takes too long: it was not run for all alerts|was not done after"):
        hand_over(command("sleep 0.1"), ["x"] * 1000, 0.3, budget=0.3)


def test_the_children_of_a_command_that_hangs_are_ended_too(command, tmp_path):
    with pytest.raises(DeliveryError, match="was stopped"):
        hand_over(command(f"sleep 60 & echo $! > {tmp_path}/child; wait"), ["x"], 0.5)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while True:
        try:
            os.kill(child, 0)
            with open(f"/proc/{child}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    break
        except (ProcessLookupError, FileNotFoundError):
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_command_says_is_made_safe_and_cut(command):
    with pytest.raises(DeliveryError) as caught:
        hand_over(command("printf 'a\\033[2J%0999d' 1; exit 1"), ["x"], 10)
    assert "a\\x1B[2J000" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_the_command_gets_nothing_of_this_program_but_its_input(command, tmp_path):
    descriptor = os.open(tmp_path / "kept-open", os.O_WRONLY | os.O_CREAT)
    try:
        hand_over(command(f"ls -l /proc/$$/fd > {tmp_path}/fds; pwd > {tmp_path}/pwd"), ["x"], 10)
    finally:
        os.close(descriptor)
    assert "kept-open" not in (tmp_path / "fds").read_text()
    assert (tmp_path / "pwd").read_text() == "/\n"
