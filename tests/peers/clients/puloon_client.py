"""Carry out calls of PyPI puloon on a port: [[name, [arguments]], ...]; print what each returned, as JSON."""

import json
import sys

from puloon.lcdm4000 import PuloonException, PuloonLCDM4000
from serial import Serial


def main() -> None:
    path, calls = sys.argv[1], json.loads(sys.argv[2])
    said = []
    with Serial(path, 9600) as port:
        dispenser = PuloonLCDM4000(port)
        for name, arguments in calls:
            try:
                answer = getattr(dispenser, name)(*arguments)
                said.append(answer.as_dict() if answer is not None else {})
            except PuloonException as error:
                counts = error.response.as_dict() if error.response else {}
                said.append({**counts, "error": error.code, "message": error.message})
    print(json.dumps(said))


main()
