"""The sums of the golden pictures; `python -m tests.ui.golden` prints those of the present drawings."""

from __future__ import annotations

import hashlib
from pprint import pprint

import pygame

from kiosk.ui.render import Renderer

from .samples import view

SHOWN = ("idle", "enter_pin", "choose_amount", "choose_mix", "take_notes", "suspect_case", "receipt_on_screen")
GOLDEN: dict[str, str] = {
    "idle zh-CN": "603e19b9e111fd89907a6f3f38f25dc8686753074e0f52c9f462f4a565a29b16",
    "idle en": "d81499c0b761225aea8d19b736e12d444a60868b18815eec09bf814ee8212a44",
    "enter_pin zh-CN": "5a7bf709e0efe0da6d2d06ed01cd4b18b48cbb202323cd6b80e44d3f38db95f5",
    "enter_pin en": "d2109acd86de8014ba61196d071b569a671a7eacf5a27b56adc5ad4622659f32",
    "choose_amount zh-CN": "63bf33f736a1babcf08d83438d9078c18841b5a09b32bdabf09b889b637c95cc",
    "choose_amount en": "db064a1ea0d713432d80c1edebd4da3ee99ed8eb8a497654eb9e0986f5748e82",
    "choose_mix zh-CN": "dd17c7e5e9e2b0d0d5774d25fc7fc16f43306612ccdef0bac1b4b94684f49aa9",
    "choose_mix en": "c1ef6e7c50470b8185eb67eae89392cfbd0acb54016ec2aa5ffa969fafef055b",
    "take_notes zh-CN": "4b45cd85695fa2e9952ac7182064f4aa5190691e4cd708c9e61fe63b96487f42",
    "take_notes en": "c657f534397711e6493400b69abe6888c37ebdf4f6bc08f4ea843d1178e6da27",
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
