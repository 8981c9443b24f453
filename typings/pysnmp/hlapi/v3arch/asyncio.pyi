from typing import Any, Self

USM_AUTH_HMAC96_SHA: Any
USM_AUTH_HMAC192_SHA256: Any
USM_AUTH_HMAC256_SHA384: Any
USM_AUTH_HMAC384_SHA512: Any
USM_PRIV_CFB128_AES: Any
USM_PRIV_CFB192_AES: Any
USM_PRIV_CFB256_AES: Any
USM_PRIV_NONE: Any

class Null:
    def __init__(self, value: str) -> None: ...

class Integer32:
    def __init__(self, value: int) -> None: ...

class ObjectIdentifier:
    def __init__(self, value: str) -> None: ...

class ContextData: ...

class SnmpEngine:
    def close_dispatcher(self) -> None: ...

class CommunityData:
    def __init__(self, communityIndex: str, /, *, mpModel: int) -> None: ...

class UsmUserData:
    def __init__(
        self, userName: str, /, *, authKey: str, authProtocol: Any, privKey: str | None, privProtocol: Any
    ) -> None: ...

class UdpTransportTarget:
    @classmethod
    async def create(cls, address: tuple[str, int], /, timeout: float, retries: int) -> Self: ...

class Udp6TransportTarget(UdpTransportTarget): ...

async def get_cmd(engine: SnmpEngine, *peer: Any, lookupMib: bool) -> tuple[Any, Any, Any, Any]: ...
async def set_cmd(engine: SnmpEngine, *peer: Any, lookupMib: bool) -> tuple[Any, Any, Any, Any]: ...
async def bulk_cmd(engine: SnmpEngine, *peer: Any, lookupMib: bool) -> tuple[Any, Any, Any, Any]: ...
