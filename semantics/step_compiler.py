"""The function for one combination of events, as Python text.

What nearly every record does is written out in line: look up the open instances of a slice, ask a condition, drop or
add an instance. Whatever is rarer is a call of `rare_steps`. The order of the text is the order of a step in the
interpreter's docstring.
"""

from __future__ import annotations

from semantics.act_compiler import ActCompiler
from semantics.codegen import Ask
from semantics.instances import ALIVE, BOUND, DOUBT
from semantics.monitor_state import MonitorState
from semantics.norms import expression
from semantics.norms.language import Duty, Norm
from semantics.rare_steps import Change, RareSteps
from semantics.step_text import Handler, StepText
from semantics.verdict import Outcome

Hits = dict[int, str]  # norm -> variable that tells whether this record triggers it


def compile_step(state: MonitorState, rare: RareSteps, said: tuple[str, ...]) -> Handler | None:
    """Return the function for records that say exactly `said`; None if no norm has anything to do with them."""
    return StepCompiler(StepText(state, rare, said), rare).handler()


class StepCompiler:
    """Writes the parts of a step one after another."""

    def __init__(self, text: StepText, rare: RareSteps) -> None:
        self.text = text
        self.state = text.state
        self.rare = rare

    def handler(self) -> Handler | None:
        ActCompiler(self.text).write()
        self.change_state()
        self.remember()
        self.discharge()
        self.release()
        self.activate()
        self.forget()
        return self.text.handler()

    # ------------------------------------------------ state

    def change_state(self) -> None:
        x, state = self.text, self.state
        plan = self.rare.plan(x.events)
        finishes, starts = plan
        falls = self.rare.falls
        self.changes = bool(finishes or starts)
        if not self.changes:
            return
        once = [a for a, _, _ in starts if a not in state.vocabulary.multiple]
        if state.integrity and len(set(once)) < len(once):
            x.call(0, f"changed = rare.change_state({x.name(plan, 'plan')}, c)")
            return
        x.add(0, "changed = False")
        falling = [a for a, key, _ in finishes if falls[a][1] and (key is None or key in x.keys)]
        if falling:
            x.add(0, "ended = []")
        for affordance, key, table in finishes:
            if key is not None and key not in x.keys:
                continue
            k = "None" if key is None else x.keys[key]
            x.add(0, f"if {x.name(table, 'holding')}.pop({k}, None) is not None:")
            x.add(1, "changed = True")
            if affordance in falling:
                x.add(1, f"ended.append(({affordance!r}, {k}))")
        fresh = self._start(starts)
        if falling:
            x.add(0, "if ended: rare.fall(ended)")
        if state.integrity:
            for affordance, key, _ in starts:
                if affordance in fresh and (lacking := self._lacking(affordance)):
                    k = "None" if key is None else x.keys[key]
                    x.add(0, f"if {fresh[affordance]} and ({lacking}):")
                    x.add(1, f"rare.look_for_bases({affordance!r}, {k}, links, seq)")

    def _lacking(self, affordance: str) -> str:
        """Return the text that tells whether something does not hold that an affordance starts upon."""
        x, v = self.text, self.state.vocabulary
        tests = []
        for base in v.bases[affordance]:
            key, held = v.key_of[base], x.name(self.state.holding[base], "holding")
            if key is None:
                tests.append(f"None not in {held}")
            elif key in x.keys:
                tests.append(f"{x.keys[key]} is not None and {x.keys[key]} not in {held}")
        return " or ".join(tests)

    def _start(self, starts: list[Change]) -> dict[str, str]:
        """Write what starts; return, for each affordance, the variable that tells whether it did not hold before."""
        x, state = self.text, self.state
        fresh: dict[str, str] = {}
        starts = [s for n, s in enumerate(starts) if (s[1] is None or s[1] in x.keys) and s not in starts[:n]]
        if not starts:
            return fresh
        x.add(0, f"links = {x.links()}")
        for affordance, key, table in starts:
            k, held = "None" if key is None else x.keys[key], x.name(table, "holding")
            depth = 0
            if state.integrity:
                fresh[affordance] = x.fresh()
                x.add(0, f"{fresh[affordance]} = False")
            if key is not None:
                x.add(0, f"if {k} is not None:")
                depth = 1
            x.add(depth, f"if {k} not in {held}:")
            x.add(depth + 1, f"{held}[{k}] = links", "changed = True")
            if state.integrity:
                x.add(depth + 1, f"{fresh[affordance]} = True")
                if affordance not in state.vocabulary.multiple:
                    message = f"f'{affordance} {{{k}!r}} holds already'"
                    x.add(depth, f"else: state.incident('I4', seq, {message})")
        return fresh

    def remember(self) -> None:
        x = self.text
        for (event, key), table in self.state.seen.items():
            if event in x.said:
                k = "None" if key is None else x.keys[key]
                guard = "" if key is None else f"if {k} is not None: "
                x.add(0, f"{guard}{x.name(table, 'seen')}[{k}] = seq")

    # ------------------------------------------------ discharge

    def discharge(self) -> None:
        x = self.text
        for q, (norm, duty) in enumerate(self.state.duties):
            if duty.operator != "obliged" or duty.mode == "maintain":
                continue
            k, table = x.key(norm), x.table(q)
            atoms = x.atoms(duty.action) if k is not None else ()
            if atoms and k is not None:
                if all(a.where is None for a in atoms):
                    self._discharge_plainly(q, k)
                elif len(atoms) == 1 and atoms[0].where is not None:
                    self._discharge_if(q, norm, k, atoms[0].where)
                else:
                    x.add(0, f"if {k} in {table}:")
                    x.call(1, f"rare.discharge({q}, {k}, c)")
            of_slice = norm.slice is None or norm.slice in x.events[0].data
            every = x.concerns_all(norm, duty.before)
            if (duty.mode == "punctual" and of_slice) or every:
                x.add(0, f"if {table}:" if every else f"if {k} in {table}:")
                x.call(1, f"rare.too_late({q}, {every}, c)")
            elif (late := x.atoms(duty.before)) and k is not None:
                if all(a.where is None for a in late):
                    x.close_all(0, q, k)
                    x.violate(2, q, "i", "it is too late now")
                    x.tidy(1, q)
                else:
                    x.add(0, f"if {k} in {table}:")
                    x.call(1, f"rare.too_late({q}, {every}, c)")

    def _discharge_plainly(self, q: int, k: str) -> None:
        x, table = self.text, self.text.table(q)
        if self.state.duties[q][1].discharge == "all":
            x.close_all(0, q, k)
            x.say(2, q, Outcome.FULFILLED, "i")
        else:
            x.add(0, f"if (L := {table}.get({k})) is not None:")
            x.add(1, f"(i := L[0])[{ALIVE}] = False", f"if len(L) == 1: del {table}[{k}]", "else: del L[0]")
            x.say(1, q, Outcome.FULFILLED, "i")
        x.tidy(1, q)

    def _discharge_if(self, q: int, norm: Norm, k: str, where: expression.Expr) -> None:
        x, table = self.text, self.text.table(q)
        every = self.state.duties[q][1].discharge == "all"
        text, _ = x.writer.write(where, norm.bound_keys, norm.slice)
        x.add(0, f"if (L := {table}.get({k})) is not None:")
        x.add(1, "for i in L[:]:" if every else "for i in L:")
        x.add(2, f"b = i[{BOUND}]; k = {k}", f"try: w = {text}", "except Exception as error:")
        crash = x.name(Outcome.ERROR, "outcome")
        x.add(3, f"state.say({crash}, i, t, seq, f'{{type(error).__name__}}: {{error}}'); i[{DOUBT}] = True; continue")
        x.add(2, "if w:")
        x.add(3, f"i[{ALIVE}] = False", f"if len(L) == 1: del {table}[{k}]", "else: L.remove(i)")
        x.say(3, q, Outcome.FULFILLED, "i")
        if not every:
            x.add(3, "break")
        x.add(2, f"if w is None: i[{DOUBT}] = True")
        x.tidy(1, q)

    # ------------------------------------------------ release

    def release(self) -> None:
        x = self.text
        for q, (norm, duty) in enumerate(self.state.duties):
            released, ended = x.atoms(duty.released_by), x.atoms(duty.until)
            if not released and not ended:
                continue
            k, table = x.key(norm), x.table(q)
            every = x.concerns_all(norm, duty.released_by + duty.until)
            plain = all(a.where is None for a in released + ended)
            if k is not None and plain and not every:
                x.close_all(0, q, k)
                kept = Outcome.EXPIRED if duty.operator == "permitted" else Outcome.FULFILLED
                x.say(2, q, Outcome.RELEASED if released else kept, "i")
                x.tidy(1, q)
            else:
                x.add(0, f"if {table}:" if every else f"if {k} in {table}:")
                x.call(1, f"rare.release({q}, {every}, c)")
        for q in self.state.keeps if self.changes else ():
            if self._touches(self.state.duties[q][1]):
                x.add(0, f"if changed and {x.table(q)}:")
                x.call(1, f"rare.keep_all({q}, c)")

    def _touches(self, duty: Duty) -> bool:
        """Tell whether this record can change what a duty is to keep: what starts, what finishes and all that falls."""
        parts = list(expression.parts_of(duty.keep)) if duty.keep is not None else []
        if any(isinstance(p, expression.Seen) for p in parts):
            return True
        finishes, starts = self.rare.plan(self.text.events)
        fallen, falling = set(), {a for a, _, _ in finishes}
        while falling:
            base = falling.pop()
            fallen.add(base)
            falling |= {dependent for dependent, _ in self.rare.falls[base][1]} - fallen
        touched = fallen | {a for a, _, _ in starts}
        return any(p.affordance in touched for p in parts if isinstance(p, expression.Holds))

    # ------------------------------------------------ activation

    def activate(self) -> None:
        x, norms = self.text, self.state.norms
        triggered = [j for j, n in enumerate(norms.norms) if n.trigger is not None and x.atoms(n.trigger)]
        exceptional = any(norms.overriders[norms.norms[j].id] for j in triggered)
        plain = all(self._simple(norms.norms[j]) for j in triggered)
        if exceptional and not plain:
            self._activate_rarely(triggered)
        elif exceptional:
            self._activate_with_exceptions(triggered)
        else:
            for j in triggered:
                if self._simple(norms.norms[j]):
                    self._create(j, self._condition(j, 0))
                else:
                    self._activate_rarely([j])
        for q, (norm, duty) in enumerate(self.state.duties):
            k = x.key(norm)
            if duty.preempt and k is not None and x.atoms(duty.action):
                guard = "" if norm.slice is None else f"if {k} is not None: "
                x.add(0, f"{guard}{x.name(self.state.latest[q], 'latest')}[{k}] = ({x.said!r}, d, seq, t)")

    def _simple(self, norm: Norm) -> bool:
        """Tell whether a record can trigger a norm in one way only."""
        return len(self.text.atoms(norm.trigger or ())) == 1 and self.text.key(norm) is not None

    def _activate_rarely(self, triggered: list[int]) -> None:
        x = self.text
        x.call(0, f"rare.activate({x.name(tuple((j, self._binders(j)) for j in triggered), 'norms')}, c)")

    def _binders(self, j: int) -> dict[str, Ask]:
        norm, x = self.state.norms.norms[j], self.text
        result: dict[str, Ask] = {}
        for atom in x.atoms(norm.trigger or ()):
            data = self.state.vocabulary.events[atom.event].data
            text = x.writer.bindings(data[k].path for k in norm.bound_keys)
            result[atom.event] = eval(f"lambda d, b, k: {text}", x.writer.namespace)
        return result

    def _activate_with_exceptions(self, triggered: list[int]) -> None:
        """Ask all triggers first, since an exception that is triggered with the norm holds already."""
        x, norms = self.text, self.state.norms
        hits: Hits = {}
        bound: dict[int, str] = {}
        for j in triggered:
            hits[j], bound[j] = x.fresh(), x.fresh()
            x.add(0, f"{hits[j]} = False")
            depth = self._condition(j, 0)
            x.add(depth, f"{hits[j]} = True; {bound[j]} = b")
        for j in triggered:
            norm, q = norms.norms[j], self.state.first[norms.norms[j].id]
            x.add(0, f"if {hits[j]}:")
            depth = 1
            k = x.key(norm) or "None"
            x.add(1, f"b = {bound[j]}")
            for other in norms.overriders[norm.id]:
                x.add(depth, f"if {self._prevails(other, k, hits)}:")
                i = f"[0, None, seq, t, b, 0, False, False, {k}, {q}]"
                x.say(depth + 1, q, Outcome.OVERRIDDEN, i, f"{other.id} is an exception")
                x.add(depth, "else:")
                depth += 1
            self._create(j, depth)

    def _prevails(self, norm: Norm, k: str, hits: Hits) -> str:
        """Return the text that tells whether an exception applies to slice `k` and no exception to it does."""
        x = self.text
        text = f"{k} in {x.table(self.state.first[norm.id])}"
        if (hit := hits.get(self.state.place[norm.id])) is not None:
            own = x.key(norm)
            text = f"({hit} or {text})" if own == k else f"({hit} and {own} == {k} or {text})"
        others = [self._prevails(m, k, hits) for m in self.state.norms.overriders[norm.id]]
        return f"({text} and not ({' or '.join(others)}))" if others else text

    def _condition(self, j: int, depth: int) -> int:
        """Write the question whether the record triggers a norm, with ``b`` bound; return the depth of the yes."""
        x, norm = self.text, self.state.norms.norms[j]
        q, k, w = self.state.first[norm.id], x.key(norm) or "None", x.writer
        event = x.atoms(norm.trigger or ())[0].event
        data = self.state.vocabulary.events[event].data
        if x.dated(norm):
            x.add(depth, f"if {norm.valid_from!r} <= r['at'][:10] < {norm.valid_until!r}:")
            depth += 1
        x.add(depth, f"b = {w.bindings(data[key].path for key in norm.bound_keys)}")
        asks = [e for e in (x.atoms(norm.trigger or ())[0].where, norm.guards.get(event)) if e is not None]
        nowhere = f"[0, None, seq, t, b, 0, False, False, {k}, {q}], t, seq"
        unknown, error = x.name(Outcome.UNKNOWN, "outcome"), x.name(Outcome.ERROR, "outcome")
        if norm.slice is not None:
            x.add(depth, f"if {k} is None: state.say({unknown}, {nowhere}, 'the record carries no {norm.slice}')")
            x.add(depth, "else:")
            depth += 1
        if asks:
            x.add(depth, "try:")
            x.answer(depth + 1, [w.write(e, norm.bound_keys, norm.slice)[0] for e in asks], k)
            crash = "f'{type(error).__name__}: {error}'"
            x.add(depth, f"except Exception as error: state.say({error}, {nowhere}, {crash})", "else:")
            x.add(depth + 1, f"if w is None: state.say({unknown}, {nowhere})", "elif w:")
            depth += 2
        return depth

    def _create(self, j: int, depth: int) -> None:
        """Write what makes an instance of a norm that is triggered."""
        x, norm = self.text, self.state.norms.norms[j]
        duty, q, k = norm.duty, self.state.first[norm.id], x.key(norm) or "None"
        table = x.table(q)
        x.add(depth, f"{x.name(self.state.activations, 'activations')}[{j}] += 1")
        if duty.instances == "coalesce-earliest":
            x.add(depth, f"if {k} not in {table}:")
            depth += 1
        elif duty.instances == "coalesce-latest":
            x.close_all(depth, q, k)
            x.say(depth + 2, q, Outcome.REPLACED, "i")
            x.tidy(depth + 1, q)
        x.open_instance(depth, q, k)
        if duty.mode == "maintain":
            x.call(depth, "if rare.keep_one(i, t, seq): c.violated.append(i)")
        elif duty.operator == "obliged":
            at_once = f"rare.discharge_at_once(i, {x.said!r}, d, t, seq, t)" if duty.inclusive else ""
            if duty.preempt:
                latest = x.name(self.state.latest[q], "latest")
                earlier = "rare.discharge_at_once(i, e[0], e[1], e[3], e[2], t)"
                x.add(depth, f"if (e := {latest}.get({k})) is None or not {earlier}: {at_once or 'pass'}")
            elif at_once and x.atoms(duty.action):
                x.add(depth, at_once)

    def forget(self) -> None:
        x = self.text
        for key, enders in self.state.vocabulary.ends.items():
            if not any(e in x.said for e in enders) or key not in x.keys:
                continue
            tables: list[object] = [t for (_, k), t in self.state.seen.items() if k == key]
            tables += [t for q, t in self.state.latest.items() if self.state.duties[q][0].slice == key]
            for table in tables:
                x.add(0, f"{x.name(table, 'memory')}.pop({x.keys[key]}, None)")
