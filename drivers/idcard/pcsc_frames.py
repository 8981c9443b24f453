"""How SDT frames reach the SAM of a PC/SC reader: as the card's own bytes, in control calls, or not at all.

No standard says how; each of these was found in readers on the market, so the booth's configuration chooses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, Protocol

from smartcard import scard

from drivers.contracts import CancelToken
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard.atr import has_storage_pages
from drivers.idcard.pcsc_link import PcscLink
from drivers.idcard.reader import SdtTransport
from drivers.idcard.sdt import MIN_COMMAND_LENGTH, Command, FrameDecoder, SamStatus, encode_frame, wipe
from drivers.idcard.storage_pages import PAGE_COUNT, PAGE_LENGTH, READ_PAGE, join_pages

_GET_FEATURES: Final = scard.SCARD_CTL_CODE(3400)
"""CM_IOCTL_GET_FEATURE_REQUEST (PC/SC part 10, 2.2)."""
_CCID_ESC_COMMAND: Final = 0x13
_USUAL_ESCAPE: Final = scard.SCARD_CTL_CODE(3500 if sys.platform == "win32" else 1)
"""The CCID drivers' own code: Microsoft's, and libccid's."""
_SW_LENGTH: Final = 2
_SW_OK: Final = b"\x90\x00"
_CARD_STATUS_WORD: Final = bytes(2)


class NoSamReplyError(DeviceError):
    """What answered is no SAM: an ordinary card, or an ID card in a reader that has none."""

    def __init__(self, answer: bytes) -> None:
        context = {"answer": answer[-_SW_LENGTH:].hex().upper()}
        super().__init__(ErrorCode.CARD_UNREADABLE, "answers no SDT frames", context=context)


class PcscFrames(SdtTransport, Protocol):
    """A way for SDT frames over PC/SC, for one card.

    Attributes:
        link: the connection it uses, closed by whoever made it.
    """

    link: PcscLink


OpenFrames = Callable[[str], PcscFrames]
"""Makes the way to the reader of a PC/SC name."""


class RawFrames:
    """SDT frames unchanged through ``SCardTransmit``: the reader hands them to its SAM, not to the card."""

    def __init__(self, reader_name: str) -> None:
        self.link = PcscLink(reader_name)

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send one frame and return the raw reply; see ``SdtTransport``.

        Raises:
            NoSamReplyError: a card answered with a mere status word.
        """
        reply = self.link.call(lambda to: to.transmit(frame), timeout_s=timeout_s, cancel=cancel)
        if is_status_word(reply):
            raise NoSamReplyError(bytes(reply))
        return reply


class EscapeFrames:
    """SDT frames in ``SCardControl``, to the reader itself; what the reader puts around the reply is skipped."""

    def __init__(self, reader_name: str, *, control_code: int = 0, prefix: bytes = b"", suffix: bytes = b"") -> None:
        """Make a way to a reader.

        Args:
            reader_name: PC/SC's name.
            control_code: of the control calls; 0 asks the reader's driver for its CCID_ESC_COMMAND.
            prefix: what the reader wants before a frame.
            suffix: what it wants after a frame.
        """
        self.link = PcscLink(reader_name, to_reader=True)
        self._control_code = control_code
        self._prefix = prefix
        self._suffix = suffix

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send one frame and return the raw reply; see ``SdtTransport``."""
        if not self._control_code:
            self._control_code = self._ask_for_code(timeout_s, cancel)
        message = self._prefix + frame + self._suffix
        return self.link.call(lambda to: to.control(self._control_code, message), timeout_s=timeout_s, cancel=cancel)

    def _ask_for_code(self, timeout_s: float, cancel: CancelToken) -> int:
        try:
            features = self.link.call(lambda to: to.control(_GET_FEATURES, b""), timeout_s=timeout_s, cancel=cancel)
        except DeviceError as error:
            if error.code is not ErrorCode.CARD_READER_BROKEN or error.retryable:
                raise
            return _USUAL_ESCAPE  # A driver without features may still take escapes.
        return feature_code(bytes(features), _CCID_ESC_COMMAND) or _USUAL_ESCAPE


class StoragePages:
    """The record of a card that the reader has opened by itself, read in pages like a memory card's.

    There is no SAM to talk to, so SDT frames are answered here: a card that shows pages is found and selected.
    """

    def __init__(self, reader_name: str) -> None:
        self.link = PcscLink(reader_name)
        self._is_open = False

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Answer one frame from the pages; see ``SdtTransport``.

        Raises:
            NoSamReplyError: what lies there shows no pages.
        """
        if not self._is_open:
            atr = bytes(self.link.call(lambda to: to.atr(), timeout_s=timeout_s, cancel=cancel))
            if not has_storage_pages(atr):
                raise NoSamReplyError(b"")
            self._is_open = True
        payload = FrameDecoder(MIN_COMMAND_LENGTH).feed(frame) or b""
        match Command(bytes(payload)):
            case Command.FIND_CARD:
                return _sam_reply(SamStatus.CARD_FOUND, bytes(4))
            case Command.SELECT_CARD:
                return _sam_reply(SamStatus.SUCCESS, bytes(8))
            case Command.READ_BASE:
                return self._read_base(timeout_s, cancel)
            case Command.READ_NEWEST_ADDRESS | Command.READ_MANAGEMENT_NUMBER:
                page = self._page(0, timeout_s, cancel)
                wipe(page)
                return _sam_reply(SamStatus.NO_SUCH_ITEM if page else SamStatus.READ_FAILED)
            case _:
                return _sam_reply(SamStatus.UNRECOGNISED)

    def _read_base(self, timeout_s: float, cancel: CancelToken) -> bytearray:
        pages: list[bytearray] = []
        for number in range(PAGE_COUNT):
            pages.append(self._page(number, timeout_s, cancel))
            if len(pages[-1]) < PAGE_LENGTH:
                break
        data = join_pages(pages)
        for page in pages:
            wipe(page)
        if data is None:
            return _sam_reply(SamStatus.READ_FAILED)
        reply = _sam_reply(SamStatus.SUCCESS, data)
        wipe(data)
        return reply

    def _page(self, number: int, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Return a page, empty when the reader has none."""
        apdu = READ_PAGE[:2] + bytes([number]) + READ_PAGE[3:]
        reply = self.link.call(lambda to: to.transmit(apdu), timeout_s=timeout_s, cancel=cancel)
        if is_status_word(reply) and reply[0] in {0x6D, 0x6E}:  # ISO 7816-4 5.6: no such instruction or class
            raise NoSamReplyError(bytes(reply))
        if not reply.endswith(_SW_OK) or len(reply) > PAGE_LENGTH + _SW_LENGTH:
            wipe(reply)
            return bytearray()
        del reply[-_SW_LENGTH:]
        return reply


def is_status_word(reply: bytes | bytearray) -> bool:
    """Whether a reply is a card's status word and nothing else (ISO 7816-4 5.6: 61 to 6F, or 90 to 9F)."""
    return len(reply) == _SW_LENGTH and reply[0] >> 4 in {0x6, 0x9}


def feature_code(features: bytes, tag: int) -> int:
    """Return the control code of a feature, 0 when the driver does not offer it.

    Args:
        features: TLV list: tag, length 4, control code (big-endian) (PC/SC part 10, 2.2).
        tag: the feature wanted.
    """
    for start in range(0, len(features) - 5, 6):
        if features[start] == tag and features[start + 1] == 4:
            return int.from_bytes(features[start + 2 : start + 6], "big")
    return 0


def _sam_reply(status: SamStatus, data: bytes | bytearray = b"") -> bytearray:
    return bytearray(encode_frame(_CARD_STATUS_WORD + bytes([status]) + data))
