"""Rehearse, and draw what came out of the simulated printer into docs/pictures/receipts-<language>.png:

    python -m tools.receipt_sheets [folder]

Every kind of slip is there once. To be looked at whenever a text of the receipts was changed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import pygame

from kiosk.bench import PAPER_WIDE, document_of
from kiosk.config import load_config
from kiosk.rehearsal.scenario import load_scenario
from kiosk.rehearsal.world import World
from kiosk.ui.paper import draw_document
from kiosk.ui.render import png_of
from kiosk.words import catalogue

ROOT = Path(__file__).resolve().parent.parent
SLIPS: Final = (
    "withdrawal/plain", "withdrawal/jam_after_two_notes", "withdrawal/dispense_answer_lost",
    "withdrawal/jam_at_the_exit", "withdrawal/card_forgotten", "withdrawal/walks_away_at_menu",
    "inquiry/balance_on_paper", "inquiry/movements_on_paper", "transfer/plain", "transfer/answer_lost",
    "remittance/plain", "remittance/revoked", "pin_change/plain", "pin_change/answer_lost",
    "deposit/counterfeit_withheld", "deposit/suspect_credited_by_rule", "deposit/jam_while_reading",
    "exchange/two_notes", "exchange/one_of_two_comes_out", "exchange/shortage_told_before", "bill_payment/plain",
    "top_up/pending_for_long", "ticket/plain", "complaint/with_slip_and_card",
)  # fmt: skip
COLUMNS, WIDE, GAP = 6, PAPER_WIDE, 20


def printed(name: str, language: str) -> list[pygame.Surface]:
    """Return pictures of all papers that a scenario prints in a language."""
    scenario = load_scenario(ROOT / "models" / "scenarios" / f"{name}.yaml")
    person = scenario.person.model_copy(update={"language": language})
    world = World(scenario.model_copy(update={"person": person}), load_config(None), words=catalogue())
    try:
        world.run()
        state: Any = world.sims["printer"].state()
        return [draw_document(document_of(paper["elements"]), WIDE) for paper in state["documents"]]
    finally:
        world.close()


def sheet(language: str) -> pygame.Surface:
    """Return one paper of each kind, packed into columns, the shortest filled first."""
    heights = [GAP] * COLUMNS
    placed = []
    for name in SLIPS:
        papers = printed(name, language)
        if not papers:
            raise SystemExit(f"{name} prints nothing; mend SLIPS")
        column = heights.index(min(heights))
        placed.append((papers[-1], (GAP + column * (WIDE + GAP), heights[column])))
        heights[column] += papers[-1].get_height() + GAP
    surface = pygame.Surface((COLUMNS * (WIDE + GAP) + GAP, max(heights)), 0, 32)
    surface.fill((96, 106, 112))
    for paper, at in placed:
        surface.blit(paper, at)
    return surface


def main(folder: Path) -> None:
    for locale, name in (("zh-CN", "zh"), ("en", "en")):
        target = folder / f"receipts-{name}.png"
        whole = sheet(locale)
        half = pygame.transform.smoothscale(whole, (whole.get_width() // 2, whole.get_height() // 2))
        target.write_bytes(png_of(half))
        print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
