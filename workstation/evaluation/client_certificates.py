"""Who gets a client certificate (RFC 8446 section 4.3.2): the hosts that the pack names, and nobody else."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject, Slot
from PySide6.QtNetwork import QSsl, QSslCertificate, QSslKey
from PySide6.QtWebEngineCore import QWebEngineClientCertificateSelection, QWebEnginePage, QWebEngineProfile

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import ClientCertificate
from workstation.certificate import BoothCertificate


class ClientCertificates(QObject):
    """Answers the hosts of one session that ask for a certificate.

    The engine offers what is in the profile's store or, when nothing there fits the server's request, what NSS has: the
    expert's token. Of these only the kind that the pack names is ever selected.

    Args:
        profile: the session's; the booth's certificate is put into its store when the pack wants it.
        rule: the pack's, ``None`` when no host may have one.
        booth: the booth's certificate, ``None`` when it has none.

    Raises:
        KioskError: INTERNAL, the pack wants the booth's certificate and there is none that can be used.
    """

    def __init__(
        self,
        profile: QWebEngineProfile,
        rule: ClientCertificate | None,
        booth: BoothCertificate | None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._hosts = frozenset(rule.hosts) if rule is not None else frozenset()
        self._wants_booths = rule is not None and rule.source == "booth"
        self._booths: set[bytes] = set()
        if self._wants_booths:
            certificate, key = _read(booth)
            self._booths = {_der(certificate)}
            profile.clientCertificateStore().add(certificate, key)
        elif booth is not None:
            # Only to know it: some administrators keep it in NSS too, and it is not the expert's.
            self._booths = {_der(certificate) for certificate in _certificates(booth)}

    def attach(self, page: QWebEnginePage) -> None:
        """Answer for this page too. Every page of the session needs it."""
        page.selectClientCertificate.connect(self.on_selection)

    @Slot(QWebEngineClientCertificateSelection)
    def on_selection(self, selection: QWebEngineClientCertificateSelection) -> None:
        """Select the certificate that this host may have, or none."""
        if selection.host().host() in self._hosts:
            for certificate in selection.certificates():
                if (_der(certificate) in self._booths) is self._wants_booths:
                    selection.select(certificate)
                    return
        selection.selectNone()


def _read(booth: BoothCertificate | None) -> tuple[QSslCertificate, QSslKey]:
    if booth is None:
        raise _unusable("none is configured (main_site.certificate_file)")
    certificates = _certificates(booth)
    try:
        pem = QByteArray(booth.key_file.read_bytes())
    except OSError as error:
        raise _unusable(f"main_site.key_file: {type(error).__name__}") from error
    keys = (QSslKey(pem, kind) for kind in (QSsl.KeyAlgorithm.Ec, QSsl.KeyAlgorithm.Rsa))
    key = next((key for key in keys if not key.isNull()), None)
    if not certificates or key is None:
        raise _unusable("main_site.certificate_file or main_site.key_file is no PEM of an EC or RSA pair")
    return certificates[0], key


def _certificates(booth: BoothCertificate) -> list[QSslCertificate]:
    try:
        return list(QSslCertificate.fromData(QByteArray(booth.certificate_file.read_bytes())))
    except OSError as error:
        raise _unusable(f"main_site.certificate_file: {type(error).__name__}") from error


def _der(certificate: QSslCertificate) -> bytes:
    return bytes(certificate.toDer().data())


def _unusable(reason: str) -> KioskError:
    return KioskError(ErrorCode.INTERNAL, f"the booth's certificate cannot be used: {reason}", retryable=True)
