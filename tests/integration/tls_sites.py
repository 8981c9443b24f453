"""TLS servers of an own authority for tests: whatever certificate, whatever answer, down to none at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket], None]
LIMIT_S = 30.0


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        now = dt.datetime.now(dt.UTC)
        ski = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True,
            content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=400))
            .not_valid_after(now + dt.timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(ski, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(
        self, *, days: float = 90, since_days: float = 100, host: str = "127.0.0.1"
    ) -> tuple[ssl.SSLContext, x509.Certificate]:
        """Return a server context with a new leaf for ``host`` that ends in ``days``, and the leaf."""
        now = dt.datetime.now(dt.UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=since_days))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{leaf.serial_number}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + leaf.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context, leaf


class Server:
    """Accepts connections, shakes hands when it has a context, and lets ``answer`` do the rest."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None) -> None:
        self.answer, self.context = answer, context
        self.accepted = 0
        self.asked = b""
        self.release = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, name="tls-site")]
        self.threads[0].start()

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            if self.release.is_set():
                connection.close()
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection,), name="tls-site")
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        with contextlib.suppress(OSError), connection:
            if self.context is None:
                self.answer(connection)
            else:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self.asked = secured.recv(65536)
                    self.answer(secured)

    def stop(self) -> None:
        self.release.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self.threads[0].join(LIMIT_S)
        self.listening.close()
        for thread in self.threads:
            thread.join(LIMIT_S)


def page(*, status: str = "200 OK", date: dt.datetime | None = None, body: str = "", **fields: str) -> Answer:
    """Return an answer with this status and these fields, and a Date of now unless told otherwise."""

    def answer(connection: socket.socket) -> None:
        moment = date or dt.datetime.now(dt.UTC)
        head = {
            "Date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body.encode())),
            "Connection": "close",
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
        connection.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n{body}".encode())

    return answer
