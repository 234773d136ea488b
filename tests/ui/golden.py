"""The sums of the golden pictures; `python -m tests.ui.golden` prints those of the present drawings."""

from __future__ import annotations

import hashlib
from pprint import pprint

import pygame

from kiosk.ui.render import Renderer

from .samples import view

SHOWN = ("idle", "enter_pin", "choose_amount", "choose_mix", "take_notes", "suspect_case", "receipt_on_screen")
GOLDEN: dict[str, str] = {
    "choose_amount en": "3b588279838d4150c55bce8e90ec012fd02bafe85c28a72566512df32e8901ca",
    "choose_amount zh-CN": "7b26f99990198da6afb4e5a11232b360c897f1ce5eebd62751898cd9d5af4e5c",
    "choose_mix en": "81d6355c2bcd118c9a88257da5d885f275d9cb92317457d5dc307e1a367d57a3",
    "choose_mix zh-CN": "a369d5c30338d78d606077442d4116d6477d8361d01a6a55be5f8162827421b0",
    "enter_pin en": "d2109acd86de8014ba61196d071b569a671a7eacf5a27b56adc5ad4622659f32",
    "enter_pin zh-CN": "5a7bf709e0efe0da6d2d06ed01cd4b18b48cbb202323cd6b80e44d3f38db95f5",
    "idle en": "b700d623ce7e5287c7d9e80c6f47c4a6b84da9836a91b4a89826d682c4face30",
    "idle zh-CN": "f11d3e2c202ad5a09e08a279f4776d008b00818994a0f247077aa2ba7963680a",
    "receipt_on_screen en": "548efc445a5e19fc09149b2b134be799059a86ab7d637638b9981cf82b37e834",
    "receipt_on_screen zh-CN": "049623079b35af811b54c1644ce7f62ee1722ce08339cdbe2ef7435083144904",
    "suspect_case en": "42efe443bb2dafa9c8e6e3863c8762333c34a466b5e87bef2b82be4576b84d67",
    "suspect_case zh-CN": "4dbed183e20dd94962b92e87807d5d169a9bb6ea1fb5e0bfe68f4a072ac2f6b3",
    "take_notes en": "c657f534397711e6493400b69abe6888c37ebdf4f6bc08f4ea843d1178e6da27",
    "take_notes zh-CN": "4b45cd85695fa2e9952ac7182064f4aa5190691e4cd708c9e61fe63b96487f42",
}


def sums(renderer: Renderer) -> dict[str, str]:
    return {
        f"{name} {locale}": hashlib.sha256(
            pygame.image.tobytes(renderer.render(view(name, locale), 9000), "RGB")
        ).hexdigest()
        for name in SHOWN
        for locale in ("zh-CN", "en")
    }


if __name__ == "__main__":
    pprint(sums(Renderer()), width=120)
