# The part of pyscard's PC/SC wrapper that drivers/idcard uses (pyscard ships no types).
# Every call returns its HRESULT, signed or not by platform.
from typing import NewType

_Pci = NewType("_Pci", object)

SCARD_SCOPE_USER: int
SCARD_SHARE_SHARED: int
SCARD_SHARE_EXCLUSIVE: int
SCARD_SHARE_DIRECT: int
SCARD_LEAVE_CARD: int
SCARD_PROTOCOL_T0: int
SCARD_PROTOCOL_T1: int
SCARD_PCI_T0: _Pci
SCARD_PCI_T1: _Pci
SCARD_STATE_UNAWARE: int
SCARD_STATE_IGNORE: int
SCARD_STATE_CHANGED: int
SCARD_STATE_UNKNOWN: int
SCARD_STATE_UNAVAILABLE: int
SCARD_STATE_PRESENT: int
SCARD_STATE_EXCLUSIVE: int
SCARD_ATTR_VENDOR_IFD_VERSION: int

def SCardEstablishContext(dwScope: int) -> tuple[int, int]: ...
def SCardReleaseContext(hcontext: int) -> int: ...
def SCardListReaders(hcontext: int, readergroups: list[str]) -> tuple[int, list[str]]: ...
def SCardGetStatusChange(
    hcontext: int, dwTimeout: int, readerstatelist: list[tuple[str, int]]
) -> tuple[int, list[tuple[str, int, list[int]]]]: ...
def SCardCancel(hcontext: int) -> int: ...
def SCardConnect(
    hcontext: int, readername: str, dwShareMode: int, dwPreferredProtocols: int
) -> tuple[int, int, int]: ...
def SCardDisconnect(hcard: int, dwDisposition: int) -> int: ...
def SCardTransmit(hcard: int, pioSendPci: _Pci, apducommand: list[int]) -> tuple[int, list[int]]: ...
def SCardControl(hcard: int, dwControlCode: int, inbuffer: list[int]) -> tuple[int, list[int]]: ...
def SCardGetAttrib(hcard: int, dwAttrId: int) -> tuple[int, list[int]]: ...
def SCardStatus(hcard: int) -> tuple[int, str, int, int, list[int]]: ...
def SCARD_CTL_CODE(code: int) -> int: ...
