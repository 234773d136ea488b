"""Compute with PyPI pyemv: issuer key, PAN, sequence, ATC, data -> ARQC and the issuer's answer with code 00."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from pyemv import ac, kd  # noqa: E402 - it warns of TDES when it is imported


def main() -> None:
    issuer_key, pan, sequence, atc, data = sys.argv[1:]
    card_key = kd.derive_icc_mk_a(bytes.fromhex(issuer_key), pan, sequence)
    session = kd.derive_common_sk(card_key, int(atc).to_bytes(2, "big") + bytes(6))
    arqc = ac.generate_ac(session, bytes.fromhex(data), ac.PaddingType.EMV)
    print(json.dumps({"arqc": arqc.hex(), "arpc": ac.generate_arpc_1(session, arqc, b"00").hex()}))


main()
