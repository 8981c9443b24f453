# The part of xcffib 1.13 that the workstation uses, by position; the package has no types of its own.

from collections.abc import Sequence
from typing import Generic, TypeVar

from . import Event

_Reply = TypeVar("_Reply")

class Cookie(Generic[_Reply]):
    def reply(self) -> _Reply: ...

class VoidCookie:
    def check(self) -> None: ...

class Screen:
    root: int
    width_in_pixels: int
    height_in_pixels: int

class Setup:
    roots: Sequence[Screen]

class InternAtomReply:
    atom: int

class PropertyValue:
    def to_atoms(self) -> Sequence[int]: ...
    def to_string(self) -> str: ...
    def buf(self) -> bytes: ...

class GetPropertyReply:
    format: int
    type: int
    value_len: int
    value: PropertyValue

class GetGeometryReply:
    width: int
    height: int

class TranslateCoordinatesReply:
    dst_x: int
    dst_y: int

class GetWindowAttributesReply:
    map_state: int

class MapState:
    Unmapped: int
    Viewable: int

class PropMode:
    Replace: int

class Atom:
    WINDOW: int
    CARDINAL: int

class CW:
    EventMask: int

class EventMask:
    PropertyChange: int
    StructureNotify: int
    SubstructureNotify: int
    SubstructureRedirect: int

class ClientMessageData:
    data32: Sequence[int]
    @classmethod
    def synthetic(cls, data: Sequence[int], kind: str) -> ClientMessageData: ...

class ClientMessageEvent(Event):
    window: int
    type: int
    data: ClientMessageData
    @classmethod
    def synthetic(cls, width: int, window: int, kind: int, data: ClientMessageData) -> ClientMessageEvent: ...
    def pack(self) -> bytes: ...

class UnmapNotifyEvent(Event):
    @classmethod
    def synthetic(cls, event: int, window: int, from_configure: bool) -> UnmapNotifyEvent: ...
    def pack(self) -> bytes: ...

class xprotoExtension:
    def InternAtom(self, only_if_exists: bool, name_len: int, name: str) -> Cookie[InternAtomReply]: ...
    def GetProperty(
        self, delete: bool, window: int, name: int, kind: int, long_offset: int, long_length: int
    ) -> Cookie[GetPropertyReply]: ...
    def ChangeProperty(
        self, mode: int, window: int, name: int, kind: int, width: int, data_len: int, data: Sequence[int]
    ) -> VoidCookie: ...
    def SendEvent(self, propagate: bool, destination: int, event_mask: int, event: bytes) -> VoidCookie: ...
    def GetGeometry(self, drawable: int) -> Cookie[GetGeometryReply]: ...
    def TranslateCoordinates(
        self, src_window: int, dst_window: int, src_x: int, src_y: int
    ) -> Cookie[TranslateCoordinatesReply]: ...
    def GetWindowAttributes(self, window: int) -> Cookie[GetWindowAttributesReply]: ...
    def ChangeWindowAttributes(self, window: int, value_mask: int, value_list: Sequence[int]) -> VoidCookie: ...
    def MapWindow(self, window: int) -> VoidCookie: ...
    def UnmapWindow(self, window: int) -> VoidCookie: ...
