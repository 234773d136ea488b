"""Whether an act is forbidden, permitted or opened: the first part of a step, as Python text.

An exception or a rival of a prohibition is asked only when the act is one that the prohibition forbids. What may apply
in more than one way (several atoms of one pattern, dated norms) is left to `rare_steps`.
"""

from __future__ import annotations

from semantics.instances import ACTS, BOUND
from semantics.norms.language import Norm
from semantics.step_text import StepText
from semantics.verdict import Outcome


class ActCompiler:
    """Writes into `text` what is asked about the act before the state changes."""

    def __init__(self, text: StepText) -> None:
        self.text = text
        self.state = text.state
        self.norms = text.state.norms

    def write(self) -> None:
        x = self.text
        for j, norm in enumerate(self.norms.norms):
            if norm.trigger is None and x.atoms(norm.duty.action):
                self._always(j, norm)
            for q, (owner, duty) in enumerate(self.state.duties):
                if owner is norm and duty.operator != "obliged" and x.atoms(duty.action) and x.key(norm) is not None:
                    if norm.trigger is None and duty is norm.duty:
                        continue
                    self._open_instances(q, norm)
        for event in x.events:
            if event.closed:
                self._closed(event.name)

    # ------------------------------------------------ who speaks of this act

    def _applies(self, norm: Norm, depth: int) -> str:
        """Write a variable that tells whether a norm is in force and speaks of this act; return its name."""
        x, v = self.text, self.text.fresh()
        atoms, k = x.atoms(norm.duty.action), x.key(norm)
        if k is None or not atoms:
            x.add(depth, f"{v} = False")
        elif norm.trigger is not None and all(a.where is None for a in atoms):
            x.add(depth, f"{v} = {k} in {x.table(self.state.first[norm.id])}")
        elif norm.trigger is not None or len(atoms) > 1 or x.dated(norm):
            x.call(depth, f"{v} = rare.applies({x.name(norm, 'norm')}, c)")
        else:
            x.add(depth, "try:")
            x.answer(depth + 1, self._conditions(norm), k)
            x.add(depth, "except Exception: w = None")
            x.add(depth, f"{v} = w" if norm.slice is None else f"{v} = w and {k} is not None")
        return v

    def _conditions(self, norm: Norm) -> list[str]:
        """Return the texts of what a norm without trigger asks of its one atom; ``True`` if nothing."""
        x = self.text
        texts = []
        for atom in x.atoms(norm.duty.action)[:1]:
            asks = (atom.where, norm.guards.get(atom.event))
            texts = [x.writer.write(e, (), norm.slice)[0] for e in asks if e is not None]
        return texts or ["True"]

    def _prevails(self, norm: Norm, depth: int) -> str:
        """Write whether a norm applies and no exception to it does; return the name of the variable."""
        v = self._applies(norm, depth)
        for other in self.norms.overriders[norm.id]:
            self.text.add(depth, f"if {v}:")
            self.text.add(depth + 1, f"{v} = not {self._prevails(other, depth + 1)}")
        return v

    def _judge(self, norm: Norm, q: int, i: str, depth: int, *, counted: bool) -> None:
        """Write the judgement of an act that a prohibition forbids. `counted`: an open instance counts its acts."""
        x = self.text
        duty = self.state.duties[q][1]
        if duty is norm.duty:
            for other in self.norms.overriders[norm.id]:
                v = self._prevails(other, depth)
                x.add(depth, f"if {v}:")
                x.say(depth + 1, q, Outcome.OVERRIDDEN, i, f"{other.id} is an exception")
                x.add(depth, "else:")
                depth += 1
            for other in sorted(self.norms.rivals[norm.id], key=lambda m: -m.priority):
                if other.priority < norm.priority:
                    break
                v = self._prevails(other, depth)
                x.add(depth, f"if {v}:")
                if other.priority > norm.priority:
                    x.say(depth + 1, q, Outcome.OVERRIDDEN, i, f"{other.id} has priority")
                else:
                    x.say(depth + 1, q, Outcome.CONFLICT, i, f"{other.id} has {other.duty.operator} the same act")
                x.add(depth, "else:")
                depth += 1
        if counted:
            x.add(depth, f"i[{ACTS}] += 1", f"if i[{ACTS}] > {duty.at_most}:")
            depth += 1
        x.violate(depth, q, i, doubtful=counted)

    # ------------------------------------------------ norms that are always in force

    def _always(self, j: int, norm: Norm) -> None:
        x = self.text
        q, k = self.state.first[norm.id], x.key(norm)
        if len(x.atoms(norm.duty.action)) > 1 or k is None or x.dated(norm):
            x.call(0, f"rare.ask_always({j}, c)")
            return
        x.add(0, "try:")
        x.answer(1, self._conditions(norm), k)
        x.add(0, "except Exception: w = None")
        if norm.slice is not None:
            x.add(0, "if k is None: w = False")
        x.add(0, "if w is None:")
        x.call(1, f"rare.ask_always({j}, c)")
        activations = x.name(self.state.activations, "activations")
        i = f"[0, None, seq, t, (), 0, False, False, k, {q}]"
        if norm.duty.operator == "permitted":
            x.add(0, "elif w:")
            x.add(1, f"{activations}[{j}] += 1")
            x.say(1, q, Outcome.EXERCISED, i)
            return
        x.add(0, "else:")
        x.add(1, f"{activations}[{j}] += 1")
        x.add(1, "if w:")
        x.add(2, f"i = {i}")
        self._judge(norm, q, "i", 2, counted=False)

    # ------------------------------------------------ open prohibitions and permissions

    def _open_instances(self, q: int, norm: Norm) -> None:
        x = self.text
        duty, k, table = self.state.duties[q][1], x.key(norm), x.table(q)
        atoms = x.atoms(duty.action)
        where = [a.where for a in atoms if a.where is not None]
        if where and len(atoms) > 1:
            x.add(0, f"if {k} in {table}:")
            x.call(1, f"rare.ask_instances({q}, {k}, c)")
            return
        x.add(0, f"if (L := {table}.get({k})) is not None:")
        x.add(1, "for i in L:")
        depth = 2
        if where:
            text, _ = x.writer.write(where[0], norm.bound_keys, norm.slice)
            x.add(2, f"b = i[{BOUND}]; k = {k}", f"try: w = {text}", "except Exception as error:")
            crash = x.name(Outcome.ERROR, "outcome")
            x.add(3, f"state.say({crash}, i, t, seq, f'{{type(error).__name__}}: {{error}}'); w = None")
            x.add(2, "if w is None:")
            x.say(3, q, Outcome.UNKNOWN, "i")
            x.add(2, "elif w:")
            depth = 3
        if duty.operator == "permitted":
            x.say(depth, q, Outcome.EXERCISED, "i")
        else:
            self._judge(norm, q, "i", depth, counted=True)

    # ------------------------------------------------ closed acts

    def _closed(self, event: str) -> None:
        x = self.text
        depth = 0
        for norm in self.norms.norms:
            if norm.duty.operator != "forbidden" and any(a.event == event for a in norm.duty.action):
                x.add(depth, f"if not {self._applies(norm, depth)}:")
                depth += 1
        unpermitted = x.name(Outcome.UNPERMITTED, "outcome")
        x.add(depth, f"{x.name(self.state.raw, 'raw')}.append(({unpermitted}, {f'closed:{event}'!r}, t, seq))")
