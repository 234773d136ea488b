"""Cut the screen's fonts down to what a terminal needs, once; the result is committed.

    python tools/fonts.py <folder of the unpacked npm package @expo-google-fonts/noto-sans-sc>

The package carries the static TrueType files of Noto Sans SC (SIL Open Font License 1.1) and its licence. The
reserved font name of that licence is "Source", which these files do not bear, so a cut may keep its name.
Needs `fonttools` in the interpreter that runs it; the terminal does not.

Kept: GB2312 (every character of its 94 x 94 table), Latin, Latin-1, Latin Extended-A, the punctuation, currency and
arrow signs that texts use. Dropped: hinting, vertical forms, every layout table but kerning (a new line of text in
an uncut Noto costs 20 times as much as in a cut one).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

WEIGHTS = {"regular": "400Regular", "bold": "600SemiBold"}
FONTS = Path(__file__).resolve().parent.parent / "kiosk" / "ui" / "fonts"


def characters() -> set[int]:
    """Return the code points to keep."""
    kept = set(range(0x20, 0x7F)) | set(range(0xA0, 0x180)) | set(range(0x2010, 0x2028)) | set(range(0x2030, 0x203B))
    kept |= {ord(sign) for sign in "€₂№™←↑→↓−×÷•●○■□▲△▼▽◆◇★☆✓✕"}
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                kept.add(ord(bytes([row, cell]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return kept


def main(folder: Path) -> None:
    """Write `kiosk/ui/fonts/NotoSansSC-<weight>.ttf` and `OFL.txt`."""
    from fontTools import subset

    options = subset.Options(
        layout_features=["kern"], hinting=False, desubroutinize=True, notdef_outline=True, name_IDs=["*"]
    )
    FONTS.mkdir(parents=True, exist_ok=True)
    for weight, name in WEIGHTS.items():
        source = folder / name / f"NotoSansSC_{name}.ttf"
        if not source.exists():
            sys.exit(f"{source} is missing: give the folder of the unpacked package @expo-google-fonts/noto-sans-sc")
        font = subset.load_font(str(source), options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=characters())
        cutter.subset(font)
        target = FONTS / f"NotoSansSC-{weight}.ttf"
        subset.save_font(font, str(target), options)
        print(f"{target.name}: {target.stat().st_size:,} bytes, {len(font.getBestCmap()):,} characters")
    shutil.copyfile(folder / "LICENSE_FONT", FONTS / "OFL.txt")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
