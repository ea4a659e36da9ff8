"""An SMTP client that says what it is told to, byte for byte, from the address it is told to.

As a program it reads sessions from standard input, one JSON object a line, and prints the list of the server's replies
for each. A session: ``source`` (client address), ``port``, ``tls``, ``acts``; an act is a list: ``["login", user,
password]``, ``["plain", user, password]``, ``["say", command]``, ``["mail", sender, recipient]``, ``["hang up"]``.
Text is UTF-8; a byte that is none stands as the lone surrogate that Python's surrogateescape makes of it.
"""

import base64
import json
import secrets
import socket
import ssl
import sys
from typing import Any


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    return base64.b64encode(raw(text))


class Client:
    """One connection; every act appends the server's last reply line to ``replies``."""

    def __init__(self, source: str, port: int, tls: bool = False) -> None:
        self.replies: list[str] = []
        six = ":" in source
        self.socket = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        self.socket.settimeout(30)
        self.socket.bind((source, 0))
        self.socket.connect(("2001:db8::25" if six else "192.0.2.25", port))
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.stream = self.socket.makefile("rb")
        self.reply()

    def reply(self) -> str:
        while (line := self.stream.readline())[3:4] == b"-":
            pass
        self.replies.append(line.decode("utf-8", "replace").rstrip())
        return self.replies[-1]

    def say(self, command: bytes) -> str:
        """Send one line and return the last line of the answer; an empty one when the server hung up."""
        self.socket.sendall(command + b"\r\n")
        return self.reply()

    def login(self, user: str, password: str) -> str:
        for word in (b"AUTH LOGIN", encoded(user)):
            if not self.say(word).startswith("334"):
                return self.replies[-1]
        return self.say(encoded(password))

    def plain(self, user: str, password: str) -> str:
        return self.say(b"AUTH PLAIN " + encoded(f"\0{user}\0{password}"))

    def mail(self, sender: str, recipient: str) -> None:
        body = (
            f"From: {sender}\r\nTo: {recipient}\r\nSubject: lunch\r\n"
            f"Message-ID: <{secrets.token_hex(8)}@{sender.rpartition('@')[2]}>\r\n\r\nAt noon?\r\n."
        )
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", body):
            if self.say(raw(command))[:1] not in "23":
                return

    def act(self, name: str, *rest: str) -> None:
        if name == "hang up":
            self.stream.close()
            self.socket.close()
        elif name == "say":
            self.say(raw(rest[0]))
        else:
            getattr(self, name)(*rest)


def hold(session: dict[str, Any]) -> list[str]:
    """Hold one session from greeting to QUIT and return the replies."""
    client = Client(session["source"], session["port"], session.get("tls", False))
    client.say(b"EHLO " + raw(session.get("helo", "client.example.com")))
    for act in session["acts"]:
        client.act(*act)
    if client.socket.fileno() >= 0:
        client.act("say", "QUIT")
        client.act("hang up")
    return client.replies


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(hold(json.loads(line))), flush=True)
