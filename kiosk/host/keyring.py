"""The terminal's MAC keys: which one signs, which ones are believed.

The link key is installed and serves network management alone, so that a connection can begin when both ends have
lost their session. The session key comes from the host, wrapped under the transport key; it signs at once, and the
former one is believed until the first message under the new one.
"""

from __future__ import annotations

from kiosk.host.framing import frame
from kiosk.host.mac import Mac, check_value, make_mac, unwrap
from kiosk.host.message import MAC_HEX, Decoded, Message, encode
from kiosk.host.settings import HostSettings


class Keyring:
    """Signs and checks messages. The keys of the PIN pad never come here."""

    def __init__(self, settings: HostSettings) -> None:
        self._settings = settings
        self._link = make_mac(settings.mac_algorithm, settings.link_mac_key.reveal())
        self._session: Mac | None = None
        self._former: Mac | None = None

    def seal(self, message: Message) -> bytes:
        """Return the signed frame of `message`. Raises MessageError if it cannot be encoded."""
        raw, covered = encode(message)
        mac = self._link if message.mti.startswith("08") else self._session
        assert mac is not None, "nothing but network management goes out before the session key is there"
        return frame(raw[:-MAC_HEX] + mac.sign(covered).encode())

    def authentic(self, decoded: Decoded) -> bool:
        """Tell whether the host made this message."""
        if decoded.message.mti.startswith("08"):
            return self._link.fits(decoded.covered, decoded.mac)
        if self._session is not None and self._session.fits(decoded.covered, decoded.mac):
            self._former = None
            return True
        return self._former is not None and self._former.fits(decoded.covered, decoded.mac)

    def take_session_key(self, cryptogram: str, expected_check_value: str) -> bool:
        """Put a new session key in force; False, and no change, if it is not the key the host means."""
        try:
            key = unwrap(cryptogram, self._settings.mac_transport_key.reveal())
            if check_value(key) != expected_check_value:
                return False
            mac = make_mac(self._settings.mac_algorithm, key)
        except ValueError:
            return False
        self._former, self._session = self._session, mac
        return True
