"""The sums of the golden pictures; `python -m tests.ui.golden` prints those of the present drawings."""

from __future__ import annotations

import hashlib
from pprint import pprint

import pygame

from kiosk.ui.render import Renderer

from .samples import view

SHOWN = ("idle", "enter_pin", "choose_amount", "choose_mix", "take_notes", "suspect_case", "receipt_on_screen")
GOLDEN: dict[str, str] = {
    "idle zh-CN": "665f01061200792c128dcb43e449bf56018d1392db017f51a63794e4b5bbc654",
    "idle en": "1993b0c3294ebca723608e6d3547f4a60f73e17b9e38b5c711ea232f59236bd0",
    "enter_pin zh-CN": "5a7bf709e0efe0da6d2d06ed01cd4b18b48cbb202323cd6b80e44d3f38db95f5",
    "enter_pin en": "d2109acd86de8014ba61196d071b569a671a7eacf5a27b56adc5ad4622659f32",
    "choose_amount zh-CN": "63bf33f736a1babcf08d83438d9078c18841b5a09b32bdabf09b889b637c95cc",
    "choose_amount en": "db064a1ea0d713432d80c1edebd4da3ee99ed8eb8a497654eb9e0986f5748e82",
    "choose_mix zh-CN": "cb0cbfef5139dd9fbb605b3b9b577b05b7eb23cdea348dc426c46e6e6c9c5c20",
    "choose_mix en": "d94dd9a336dabeba096eb74bea9112d424d756d7b17530391808a2f2721d28dd",
    "take_notes zh-CN": "5df750831a5524b70ac5dab597d900e10ec3703a795f454dde0517d9568a19f3",
    "take_notes en": "ca1411e9ba502408b5e99aef8f30269ed69c7b14b70ba467886efd629dab3fbc",
    "suspect_case zh-CN": "56478b0ee948458b3c64be7076035ad3c6afb983cede23e20becd71a8ffc366e",
    "suspect_case en": "42efe443bb2dafa9c8e6e3863c8762333c34a466b5e87bef2b82be4576b84d67",
    "receipt_on_screen zh-CN": "4abe0faff40d902d8bd4c5400cf22636c722b664161f3d96a6f279eee4fa8d32",
    "receipt_on_screen en": "0b7902eef58049a61c9f961fa89c243573e43fde9102ef518e97d8efdd3fd307",
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
