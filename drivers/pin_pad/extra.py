"""What this pad can do beyond the words all devices share: MAC, data encryption, key upkeep."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from drivers.base.vocabulary import Command, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseKey(Command):
    """Erase one key by name (KeyManagement.DeleteKey)."""

    verb = "erase_key"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseKeyResult(Result):
    verb = "erase_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeKeys(Command):
    """Erase every key, masters included. The pad serves nobody until it is keyed again at its maker's."""

    verb = "wipe_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeKeysResult(Result):
    verb = "wipe_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateMac(Command):
    """Make a MAC over `data` under the MAC key called `key` (Crypto.GenerateAuthentication)."""

    verb = "generate_mac"
    key: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateMacResult(Result):
    """`mac`: hex as the pad spells it, 16 digits; empty unless DONE."""

    verb = "generate_mac"
    mac: str = ""


class CryptMode(Enum):
    """Cipher mode and direction, as the pad spells them."""

    ECB_ENCRYPT = "31"
    ECB_DECRYPT = "41"
    CBC_ENCRYPT = "32"
    CBC_DECRYPT = "42"


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptData(Command):
    """Encrypt or decrypt whole 8-byte blocks under a data key (Crypto.CryptoData). CBC starts from zeros."""

    verb = "crypt_data"
    key: str
    mode: CryptMode
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptDataResult(Result):
    verb = "crypt_data"
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetKeyDetail(Command):
    """Ask about one key. The layout of the answer is not known; it is handed on as it comes."""

    verb = "get_key_detail"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetKeyDetailResult(Result):
    verb = "get_key_detail"
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstallation(Command):
    """Ask for the installation (anti-removal) status. The answer is handed on as it comes."""

    verb = "get_installation"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstallationResult(Result):
    verb = "get_installation"
    answer: str = ""
