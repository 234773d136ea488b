"""Which proofs come with a way that violates something, and under which name it is drawn and rehearsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from semantics.exploration import Edge, Graph
from semantics.verifier import Proof, Proven

SHOWN: Final = (Proven.SYSTEM, Proven.UNHANDLED, Proven.HANDLED)


def counterexamples(proofs: Iterable[Proof]) -> Mapping[str, Proof]:
    """Return the proofs that violate something, each under a name for files, always the same for the same proofs."""
    found: dict[str, Proof] = {}
    for proof in proofs:
        if proof.verdict in SHOWN:
            stem = "counterexample_" + re.sub(r"\W+", "_", proof.about.lower())
            same = sum(other.about == proof.about for other in found.values())
            found[f"{stem}_{same + 1}" if same else stem] = proof
    return found


def walks(graph: Graph, way: Sequence[Edge]) -> bool:
    """Tell whether there is a way, and it is one of this graph: what is beside the customer has a graph of its own."""
    own = {id(edge) for edge in graph.edges} | {id(edge) for _, edge, _ in graph.broken}
    return bool(way) and all(id(edge) in own for edge in way)
