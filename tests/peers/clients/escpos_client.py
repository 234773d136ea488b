"""Print with PyPI python-escpos on a port: `receipt`, `picture` or `status`; print what was told, as JSON."""

import json
import sys

from escpos.printer import Serial
from PIL import Image

PAPER_SENSOR = b"\x1d\x72\x01"  # buffered: answered when everything before it has been printed


def receipt(printer: Serial) -> None:
    printer.hw("INIT")
    printer.set(align="center", bold=True, double_height=True, double_width=True)
    printer.textln("Receipt")
    printer.set_with_default()
    printer.ln()
    printer.set(underline=1)
    printer.textln("balance 100.00")
    printer.set(underline=0, invert=True)
    printer.textln("keep this paper")
    printer.set_with_default()
    printer.textln("a line that is longer than the paper is wide, and therefore goes on in the next one")
    printer._raw(b"\x1c.")  # no Chinese mode: bytes above 7F belong to the code page
    printer.textln("fee 1.50 €, naïve café")
    printer.set(align="right")
    printer.textln("thank you")
    printer.set(align="center")
    printer.qr("https://example.org/r/42", native=True, size=4)
    printer.barcode("4006381333931", "EAN13", height=80, pos="BELOW", function_type="A")
    printer.barcode("{B0042-ABC", "CODE128", function_type="B")
    printer.print_and_feed(2)
    printer.cut()


def picture(printer: Serial) -> None:
    chequered = Image.new("1", (16, 8), 1)
    for x in range(16):
        for y in range(8):
            chequered.putpixel((x, y), (x + y) % 2)
    printer.image(chequered, impl="bitImageRaster")
    printer.image(chequered, impl="graphics")
    printer.textln("under the pictures")
    printer.cut(mode="PART")


def main() -> None:
    path, *jobs = sys.argv[1:]
    said = []
    printer = Serial(path, baudrate=9600, timeout=1, dsrdtr=False, profile="TM-T88V")
    printer.open()
    for job in jobs:
        if job == "status":
            said.append({"online": printer.is_online(), "paper": printer.paper_status()})
            continue
        {"receipt": receipt, "picture": picture}[job](printer)
        printer.device.timeout = 20
        printer._raw(PAPER_SENSOR)
        said.append({"printed": printer.device.read(1).hex()})
        printer.device.timeout = 1
    printer.close()
    print(json.dumps(said))


main()
