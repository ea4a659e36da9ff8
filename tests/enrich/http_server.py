"""An HTTP server on loopback whose answer to each path is a function or a reply that the test gives."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Reply:
    """A status, headers and a body; with `length` False nothing tells where the body ends but the connection."""

    def __init__(self, status: int = 200, body: bytes = b"", length: bool = True, **headers: str) -> None:
        self.status = status
        self.body = body
        self.length = length
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send it."""
        request.send_response(self.status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if self.length and "Content-Length" not in self.headers and self.status != 304:
            request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        if self.status != 304:
            request.wfile.write(self.body)


def versioned(body: bytes, etag: str = '"1"', modified: str = "Wed, 18 Nov 2026 06:00:00 GMT") -> Callable:
    """A file that a server knows by ETag and date: 304 for who names either."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("If-None-Match") == etag or request.headers.get("If-Modified-Since") == modified
        reply = Reply(304) if known else Reply(200, body, ETag=etag, Last_Modified=modified)
        reply(request)

    return answer


class HttpServer:
    """Answers on a port of its own until `close`. `asked` has the path and headers of each request."""

    def __init__(self, certificate: str = "") -> None:
        self.replies: dict[str, Callable] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                reply = outer.replies.get(self.path.partition("?")[0], Reply(404, b"no such file"))
                try:
                    reply(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme, host = "http", "127.0.0.1"
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme, host = "https", "localhost"
        self.address = f"{scheme}://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def paths(self) -> list[str]:
        """The paths that were asked for, in order, without those of checksums."""
        return [path for path, _ in self.asked if not path.endswith(".sha256")]

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
