"""An S3 server from before conditional PUT: what is asked of it is asked of a real one, without the condition."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.cluster.ports import LOOPBACK
from tests.cluster.s3.server import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.s3.server import S3Server

CONDITION = "if-none-match"
NOT_HANDED_ON = ("authorization", "connection", "content-length", "date", "host", "x-amz-date", CONDITION)


@contextmanager
def old_store(behind: S3Server) -> Iterator[dict[str, str]]:
    """The environment of clients of such a server, while it answers."""

    class Handler(_Handler):
        server_behind = behind

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {**behind.env, "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{server.server_port}"}
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server_behind: S3Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the server behind has a log."""

    def handle_request(self) -> None:
        """Hand a request on, signed anew, and its answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {name.lower(): value for name, value in self.headers.items() if name.lower() not in NOT_HANDED_ON}
        address = self.server_behind.endpoint.removeprefix("http://")
        headers = _signed(self.command, self.path, {**kept, "host": address}, self.server_behind.env)
        connection = HTTPConnection(address)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815 - the names that the base class calls


def _signed(method: str, target: str, headers: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """The headers with a signature of version 4 over the address, the query, and all that Amazon's own say."""
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path, _, query = target.partition("?")
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    full = {**headers, "x-amz-date": moment}
    named = sorted(name for name in full if name == "host" or name.startswith("x-amz-"))
    lines = [f"{name}:{full[name].strip()}" for name in named]
    names = ";".join(named)
    asked = "\n".join([method, path, "&".join(pairs), *lines, "", names, full["x-amz-content-sha256"]])
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = f"AWS4{env['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    by = f"Credential={env['AWS_ACCESS_KEY_ID']}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**full, "authorization": f"AWS4-HMAC-SHA256 {by}"}
