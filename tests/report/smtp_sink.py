"""An SMTP server on a loopback port that takes mails into a list, and misbehaves as it is told."""

import base64
import contextlib
import socket
import ssl
import threading
from typing import NamedTuple


class Received(NamedTuple):
    sender: str
    recipients: list[str]
    data: bytes
    """With CRLF, the doubled leading dots undone."""
    encrypted: bool
    user: str | None


class Sink:
    """``with Sink(...) as sink:`` listens on 127.0.0.1:`sink.port`.

    `certificate`: path of key and certificate for TLS; `implicit`: TLS from the first byte; `users`: names and
    passwords that may log in; `replies`: the answer to a verb in place of the usual one, also to ``GREETING``, ``END``
    (the end of the data) and ``RCPT address``; `drops` and `silent`: the verb at which the connection is cut, or after
    which nothing comes any more.
    """

    def __init__(self, certificate="", implicit=False, users=None, replies=None, drops="", silent=""):
        self.certificate, self.implicit, self.users = certificate, implicit, users or {}
        self.replies, self.drops, self.silent = replies or {}, drops, silent
        self.mails: list[Received] = []
        self.lines: list[bytes] = []
        self.ended = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.05)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(5)
        self.listener.close()

    def _serve(self):
        while not self.ended.is_set():
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(10)
            with contextlib.suppress(OSError, ValueError, _SessionEndError), contextlib.ExitStack() as stack:
                _Session(self, connection, stack).run()


class _SessionEndError(Exception):
    """The session is over."""


class _Session:
    def __init__(self, sink, connection, stack):
        self.sink, self.connection, self.stack = sink, stack.enter_context(connection), stack
        self.encrypted = False
        self.user = None
        if sink.implicit:
            self._encrypt()
        else:
            self.stream = stack.enter_context(connection.makefile("rb"))

    def _encrypt(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.sink.certificate)
        self.connection = self.stack.enter_context(context.wrap_socket(self.connection, server_side=True))
        self.stream = self.stack.enter_context(self.connection.makefile("rb"))
        self.encrypted = True

    def _reply(self, verb, usual):
        if verb.split(" ")[0] == self.sink.silent:
            self.sink.ended.wait(10)
            raise _SessionEndError
        if verb.split(" ")[0] == self.sink.drops:
            raise _SessionEndError
        text = self.sink.replies.get(verb, usual)
        self.connection.sendall(text.encode() + b"\r\n")
        return text

    def _line(self):
        line = self.stream.readline()
        if not line:
            raise _SessionEndError
        self.sink.lines.append(line)
        return line.rstrip(b"\r\n").decode()

    def run(self):
        self._reply("GREETING", "220 sink ESMTP")
        sender, recipients = "", []
        while True:
            line = self._line()
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                offers = ["sink", "SIZE 10000000"]
                if self.sink.certificate and not self.encrypted:
                    offers.append("STARTTLS")
                if self.sink.users:
                    offers.append("AUTH PLAIN LOGIN")
                self._reply(verb, "\r\n".join(f"250{'-' if o is not offers[-1] else ' '}{o}" for o in offers))
            elif verb == "STARTTLS":
                self._reply(verb, "220 go ahead")
                self._encrypt()
            elif verb == "AUTH":
                self._log_in(rest)
            elif verb == "MAIL":
                sender, recipients = rest[rest.index("<") + 1 : rest.index(">")], []
                self._reply(verb, "250 ok")
            elif verb == "RCPT":
                address = rest[rest.index("<") + 1 : rest.index(">")]
                if self._reply(f"RCPT {address}", "250 ok").startswith("25"):
                    recipients.append(address)
            elif verb == "DATA":
                if self._reply(verb, "354 go ahead").startswith("354"):
                    self._take(sender, recipients)
            elif verb == "QUIT":
                self._reply(verb, "221 bye")
                return
            else:
                self._reply(verb, "502 what?")

    def _take(self, sender, recipients):
        data = b""
        while (line := self.stream.readline()) != b".\r\n":
            if not line:
                raise _SessionEndError
            data += line[1:] if line.startswith(b".") else line
        if self._reply("END", "250 queued").startswith("250"):
            self.sink.mails.append(Received(sender, recipients, data, self.encrypted, self.user))

    def _log_in(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            user = base64.b64decode(initial).decode()
            self._reply("PASSWORD", "334 UGFzc3dvcmQ6")
            password = base64.b64decode(self._line()).decode()
        if self.sink.users.get(user) == password:
            self.user = user
            self._reply("AUTH", "235 ok")
        else:
            self._reply("AUTH", f"535 5.7.8 no, {user} {password} {rest}")
