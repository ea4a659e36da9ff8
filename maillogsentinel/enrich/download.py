"""Downloads that cannot do harm: http and https only, within limits of size and time, and every failure a sentence."""

import errno
import hashlib
import http
import os
import re
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from types import FrameType
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urljoin, urlsplit

from maillogsentinel import __version__
from maillogsentinel.errors import MailLogSentinelError
from maillogsentinel.model import safe_text

_BLOCK = 1 << 16
_MOST_REDIRECTS = 10
_WAIT = (20.0, 60.0)
"""Seconds for a connection, and for the next bytes; `time_limit` is what bounds the whole."""

Progress = Callable[[int, int | None, str], None]
"""Called with bytes done, bytes in all where that is known, and a name."""


class DownloadError(MailLogSentinelError):
    """Nothing was got; ``str()`` is what happened, and what to do."""


class NetworkAwayError(DownloadError):
    """No connection came about: no route, no name server, nobody who listens."""


class NothingThereError(DownloadError):
    """The server answered that it has no such file."""


class Stamp(NamedTuple):
    """What a server, or the file system, calls this version of a file."""

    etag: str
    last_modified: str


NO_STAMP = Stamp("", "")


class Got(NamedTuple):
    """What came of a request."""

    stamp: Stamp
    unchanged: bool
    """True when it is still what the stamp stood for, and nothing was written."""
    sha256: str
    whole: bool
    """Whether the sender said where the file ends; else a cut would not show."""


class _TimeUp(Exception):  # noqa: N818  no error of a library's family, so that no library mistakes it for its own
    pass


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise DownloadError in the block when it takes longer; main thread only.

    A socket's time-out begins anew with each byte, and none applies to the name server: only a signal ends everything.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        # Again each second: an exception that is raised in a finalizer is lost.
        signal.setitimer(signal.ITIMER_REAL, seconds, 1)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TimeUp:
        raise DownloadError(
            f"{what} was not complete after {seconds:g} seconds. Try again, or raise [geolocation] update_time_limit"
        ) from None
    finally:
        signal.signal(signal.SIGALRM, before)


def shown(origin: str) -> str:
    """Return an address or path that may be shown: without user, password and query, which may hold a key."""
    if origin.startswith("/"):
        return safe_text(os.fsencode(origin))
    try:
        parts = urlsplit(origin)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "the address"
    return safe_text(f"{parts.scheme}://{host}{parts.path}"[:300].encode("utf-8", "surrogateescape"))


def get(origin: str, file: BinaryIO, stamp: Stamp, most: int, progress: Progress | None = None) -> Got:
    """Write the file at `origin`, an address or an absolute path, to `file`, unless it is what `stamp` stands for.

    Raises DownloadError, also when it has more than `most` bytes; OSError when `file` cannot be written.
    """
    if origin.startswith("/"):
        return _copy(origin, file, stamp, most, progress)
    with _answered(origin, stamp) as response:
        if response.status_code == 304 and stamp != NO_STAMP:
            return Got(stamp, True, "", True)
        _refuse_status(origin, response.status_code)
        return _body(origin, response, file, most, progress)


def try_out(origin: str) -> None:
    """Ask for the file at `origin`, without getting more than the answer's beginning. Raises DownloadError."""
    if origin.startswith("/"):
        _open(origin).close()
        return
    with _answered(origin, NO_STAMP) as response:
        _refuse_status(origin, response.status_code)


@contextmanager
def _answered(origin: str, stamp: Stamp) -> Iterator[Any]:
    """Yield the server's answer, whose body was not read. What fails in the block becomes a DownloadError as well."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        with requests.Session() as session, _answer(session, origin, stamp) as response:
            yield response
    except requests.RequestException as error:
        raise _sentence(origin, error) from error
    except HTTPError as error:
        raise DownloadError(f"{shown(origin)} was cut off ({type(error).__name__}). Try again") from error


def _answer(session: Any, origin: str, stamp: Stamp) -> Any:
    """The answer after all redirects. They are followed one by one, since not each may be."""
    # Identity: what is served is what the published checksum is about.
    headers = {"User-Agent": f"maillogsentinel/{__version__}", "Accept-Encoding": "identity"}
    if stamp.etag:
        headers["If-None-Match"] = stamp.etag
    if stamp.last_modified:
        headers["If-Modified-Since"] = stamp.last_modified
    url = origin
    for _ in range(_MOST_REDIRECTS):
        response = session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=_WAIT)
        if response.status_code not in (301, 302, 303, 307, 308):
            return response
        response.close()
        target = session.get_redirect_target(response)
        if not target:
            raise DownloadError(f"{shown(origin)} redirects to nowhere. Try again, or name another address")
        url = _followed(origin, url, target)
    raise DownloadError(f"{shown(origin)} redirects more than {_MOST_REDIRECTS} times. Name another address")


def _followed(origin: str, url: str, target: str) -> str:
    try:
        target = urljoin(url, target)
        scheme = urlsplit(target).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise DownloadError(
            f"{shown(origin)} redirects elsewhere, to {shown(target)}: only http and https are followed."
            " Name another address"
        )
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise DownloadError(
            f"{shown(origin)} redirects elsewhere, from https to the unprotected {shown(target)}: that is not followed."
            " Name another address"
        )
    return target


def _refuse_status(origin: str, status: int) -> None:
    if status == 200:
        return
    try:
        phrase = f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    if status in (404, 410):
        raise NothingThereError(f"{shown(origin)} answered {phrase}. Correct the address")
    advice = "Try again later" if status >= 500 or status == 429 else "Correct the address, or ask who runs the server"
    raise DownloadError(f"{shown(origin)} answered {phrase}. {advice}")


def _body(origin: str, response: Any, file: BinaryIO, most: int, progress: Progress | None) -> Got:
    length = response.headers.get("Content-Length", "")
    total = int(length) if re.fullmatch("[0-9]{1,15}", length) else None
    if response.raw.chunked:
        total = None
    if total is not None and total > most:
        raise _too_large(origin, most)
    digest = hashlib.sha256()
    done = 0
    for block in response.raw.stream(_BLOCK, decode_content=False):
        done += len(block)
        if done > most:
            raise _too_large(origin, most)
        digest.update(block)
        file.write(block)
        if progress:
            progress(done, total, _name(origin))
    if total is not None and done != total:
        raise DownloadError(f"{shown(origin)} was cut off after {done} of {total} bytes. Try again")
    stamp = Stamp(*(_header(response, name) for name in ("ETag", "Last-Modified")))
    return Got(stamp, False, digest.hexdigest(), total is not None or bool(response.raw.chunked))


def _header(response: Any, name: str) -> str:
    value = response.headers.get(name, "")
    return value if re.fullmatch("[ -~]{1,300}", value) else ""


def _name(origin: str) -> str:
    return shown(origin).rpartition("/")[2]


def _too_large(origin: str, most: int) -> DownloadError:
    return DownloadError(
        f"{shown(origin)} has more than {most} bytes. Name another one, or raise [geolocation] update_max_bytes"
    )


def _open(path: str) -> BinaryIO:
    try:
        # O_NONBLOCK: a pipe would be waited for.
        source = open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")  # noqa: SIM115
    except OSError as error:
        kind = NothingThereError if error.errno in (errno.ENOENT, errno.ENOTDIR) else DownloadError
        raise kind(
            f"{shown(path)} cannot be read ({error.strerror}). Name another one, or make it readable to this user"
        ) from error
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        source.close()
        raise DownloadError(f"{shown(path)} is no regular file. Name another one")
    return source


def _copy(path: str, file: BinaryIO, stamp: Stamp, most: int, progress: Progress | None) -> Got:
    with _open(path) as source:
        status = os.fstat(source.fileno())
        date = formatdate(status.st_mtime, usegmt=True)
        found = Stamp(f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}", date)
        if found == stamp:
            return Got(stamp, True, "", True)
        digest = hashlib.sha256()
        done = 0
        while block := source.read(_BLOCK):
            done += len(block)
            if done > most:
                raise _too_large(path, most)
            digest.update(block)
            file.write(block)
            if progress:
                progress(done, status.st_size, _name(path))
    return Got(found, False, digest.hexdigest(), True)


def _sentence(origin: str, error: Exception) -> DownloadError:
    """What an error of requests means."""
    import requests

    reason = getattr(error.args[0] if error.args else None, "reason", None)
    reason = getattr(reason, "original_error", reason)  # a proxy's error has the real one within
    why = _system_error(error) or safe_text(type(reason or error).__name__.encode())
    if isinstance(error, requests.exceptions.SSLError):
        return DownloadError(f"{shown(origin)} has no certificate that is trusted ({why}). Correct the address")
    if isinstance(error, requests.exceptions.ConnectionError):
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

        if isinstance(reason, (ConnectTimeoutError, NewConnectionError)):
            return NetworkAwayError(
                f"{shown(origin)} cannot be reached ({why}). Try again when the network is there; a proxy is taken from"
                " the environment (https_proxy)"
            )
        return DownloadError(f"{shown(origin)} broke the connection off ({why}). Try again later")
    if isinstance(error, requests.exceptions.Timeout):
        return DownloadError(f"{shown(origin)} did not answer in time. Try again later")
    return DownloadError(f"{shown(origin)} cannot be used ({why}). Correct the address")


def _system_error(error: BaseException | None) -> str:
    """The system's words within a chain of exceptions, such as ``Connection refused``."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, OSError) and error.errno is not None and error.strerror:
            return safe_text(str(error.strerror)[:100].encode("utf-8", "surrogateescape"))
        error = error.__cause__ or error.__context__
        seen += 1
    return ""
