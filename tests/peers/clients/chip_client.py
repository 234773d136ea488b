"""Read a card with PyPI emv over Debian's pyscard, as a terminal would; print what was found, as JSON."""

import json
import time

from emv.card import Card
from emv.exc import InvalidPINException
from emv.protocol.command import GenerateApplicationCryptogramCommand
from emv.protocol.data import Tag
from emv.protocol.response import ErrorResponse
from smartcard.System import readers

WITHIN_S = 10.0
TRANSACTION = "0000000100000000000000000156800004800001562611220130901B6A"


def reader_with_card():
    ends = time.monotonic() + WITHIN_S
    while time.monotonic() < ends:
        for reader in readers():
            connection = reader.createConnection()
            try:
                connection.connect(connection.T0_protocol)
            except Exception:
                continue
            return reader, connection
        time.sleep(0.1)
    raise SystemExit("no card in any reader")


def hexed(data):
    return bytes(data).hex()


def main() -> None:
    reader, connection = reader_with_card()
    atr = hexed(connection.getATR())
    card = Card(connection)
    applications = card.list_applications()
    name = applications[-1][Tag.ADF_NAME]
    card.select_application(name)
    before = card.get_metadata()
    options = card.get_processing_options()
    data = card.get_application_data(options["AFL"])
    try:
        card.verify_pin(9999)
        wrong = "accepted"
    except InvalidPINException as error:
        wrong = str(error)
    after_wrong = card.get_metadata()
    right = card.verify_pin(1234).get_status()
    command = GenerateApplicationCryptogramCommand(
        GenerateApplicationCryptogramCommand.ARQC, list(bytes.fromhex(TRANSACTION))
    )
    cryptogram = card.tp.exchange(command).data[Tag.RMTF1]
    try:
        again = card.tp.exchange(command).get_status()
    except ErrorResponse as error:
        again = error.get_status()
    print(
        json.dumps(
            {
                "reader": str(reader),
                "atr": atr,
                "applications": [hexed(application[Tag.ADF_NAME]) for application in applications],
                "before": before,
                "aip": hexed(options["AIP"]),
                "pan": hexed(data[Tag.PAN]),
                "expiry": hexed(data[Tag((0x5F, 0x24))]),
                "wrong": wrong,
                "after_wrong": after_wrong,
                "right": right,
                "cryptogram": hexed(cryptogram),
                "again": again,
                "after": card.get_metadata(),
            }
        )
    )


main()
