"""No file of ours names the machine it was written on, or the host that packages were fetched from."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HOMES = re.compile("(?<![A-Za-z0-9_.~$}-])/" + "(?:work|root)/")  # a path from the top, not "a/work/b"
INDEXES = re.compile(
    "|".join(
        re.escape(left + "." + right)
        for left, right in (
            ("pypi", "org"),
            ("files.pythonhosted", "org"),
            ("registry.npmjs", "org"),
            ("registry.yarnpkg", "com"),
            ("repo.anaconda", "com"),
            ("crates", "io"),
            ("proxy.golang", "org"),
            ("deb.debian", "org"),
            ("archive.ubuntu", "com"),
        )
    ),
    re.IGNORECASE,
)
TRACES = (
    (HOMES, "a path of one machine; write it relative to the repository"),
    (INDEXES, "the host of a package index; the reader's tools know theirs"),
)


def traces(name: str, text: str) -> list[str]:
    return [
        f"{name}:{number}: {found[0]!r} is {why}"
        for number, line in enumerate(text.splitlines(), start=1)
        for trace, why in TRACES
        if (found := trace.search(line))
    ]


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_no_tracked_file_has_traces():
    files = [path for path in tracked_files() if path.is_file()]
    assert files
    found = [
        trace
        for path in files
        for trace in traces(
            path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8", errors="replace")
        )
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("home", ["work", "root"])
@pytest.mark.parametrize("around", ["{}", "see {}", "file://{}", '"{}"', "--path={}", "[x]({})"])
def test_the_rule_catches_paths(home, around):
    sample = around.format("/" + home + "/kiosk/notes.md")
    assert traces("sample.md", "fine\n" + sample)[0].startswith("sample.md:2: ")


def test_the_rule_catches_hosts():
    assert traces("uv.lock", "url = https://files." + "pythonhosted" + ".org/packages/x.whl")
    assert traces("a.md", "https://" + "PyPI" + ".org/simple")


@pytest.mark.parametrize(
    "sample", ["models/work/x", "docs/work/", "$HOME/work/", "the root / work", "./root/x"]
)
def test_the_rule_lets_pass(sample):
    assert traces("sample.md", sample) == []
