"""Charts: each rule by a good and a bad chart, the textbook examples, and the kiosk's own world."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiosk import strict_yaml
from kiosk.strict_yaml import DocumentError
from semantics.norms.source import source_of
from semantics.ontology import RULES, Ontology, as_records, check, load_ontology, ontology_of, restricted, unused

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = Path(__file__).parents[2] / "models"


def chart(path: Path) -> Ontology:
    return ontology_of([strict_yaml.load(path)])


@pytest.fixture(scope="module")
def kiosk() -> Ontology:
    return load_ontology(MODELS / "ontology")


def test_every_rule_has_a_good_and_a_bad_chart() -> None:
    for folder in ("good", "bad"):
        assert {f.stem for f in (FIXTURES / folder).glob("OC*.yaml")} == set(RULES)


@pytest.mark.parametrize("path", sorted((FIXTURES / "good").glob("[!N]*.yaml")), ids=lambda p: p.stem)
def test_good_chart_has_no_finding(path: Path) -> None:
    assert [str(f) for f in check(chart(path))] == []


@pytest.mark.parametrize("path", sorted((FIXTURES / "bad").glob("OC*.yaml")), ids=lambda p: p.stem)
def test_bad_chart_is_found_out_at_its_place(path: Path) -> None:
    expected = re.match(r"# expect (OC\d\d) at (\d+):(\d+): ", path.read_text(encoding="utf-8"))
    assert expected is not None, "the first line says what is expected"
    found = check(chart(path))
    assert (expected[1], int(expected[2]), int(expected[3])) in [(f.code, f.line, f.column) for f in found]
    assert {f.code for f in found} == {expected[1]}, "a fixture shows one rule"


def test_kiosk_world_is_well_formed(kiosk: Ontology) -> None:
    assert [str(f) for f in check(kiosk)] == []
    assert sum(n.kind == "affordance" for n in kiosk.nodes.values()) >= 100


def test_terminal_answers_through_the_bank(kiosk: Ontology) -> None:
    assert kiosk.principal("terminal") == "bank"
    assert kiosk.principal("technician") == "person"


def test_what_outlives_the_session_does_not_hang_on_it(kiosk: Ontology) -> None:
    long = {n.name for n in kiosk.nodes.values() if n.long}
    assert {"claim", "card_retention", "ticket", "posting"} <= long
    assert not any("session" in kiosk.ancestors(n) for n in long)


def test_long_affordance_under_session_is_refused() -> None:
    text = (FIXTURES / "good" / "OC15.yaml").read_text(encoding="utf-8").replace("order: {", "order: {long: true, ")
    found = check(ontology_of([source_of(text).document]))
    assert [f.code for f in found] == ["OC15"]


def test_word_of_a_norm_must_be_on_the_chart(kiosk: Ontology) -> None:
    (finding,) = check(kiosk, used=["withdrawal", "withdrawel"])
    assert finding.code == "OC14"
    assert "did you mean 'withdrawal'?" in finding.message


def test_names_stand_once_across_files() -> None:
    one = source_of("part: a\nroot: society\nagents:\n  society: {}\n  bank: {ante: [society]}\n", "a.yaml").document
    two = source_of("part: b\nagents:\n  bank: {ante: [society]}\n", "b.yaml").document
    (finding,) = check(ontology_of([one, two]))
    assert (finding.code, finding.file, finding.line) == ("OC08", "b.yaml", 3)
    assert "a.yaml:5" in finding.message


def test_misspelt_field_is_refused() -> None:
    document = source_of("part: a\nagents:\n  society: {antee: [x]}\n").document
    with pytest.raises(DocumentError, match=r":3:20: .*'antee' is not known here"):
        ontology_of([document])


def test_part_is_drawn_with_what_it_stands_on(kiosk: Ontology) -> None:
    cash = restricted(kiosk, ["cash"])
    assert {"dispense", "cash_dispenser"} <= cash.nodes.keys()
    assert "biller_agreement" not in cash.nodes


def test_unused_nodes_are_told(kiosk: Ontology) -> None:
    assert "rating" in unused(kiosk, [])
    assert "rating" not in unused(kiosk, ["rating"])


def test_rows_of_the_temporal_form(kiosk: Ontology) -> None:
    (row,) = [r for r in as_records(kiosk) if r["label"] == "dispense"]
    assert (row["antecedent_1"], row["antecedent_2"]) == ("cash_entitlement", "cash_dispenser")
    assert row["start_authority"] == "terminal"
