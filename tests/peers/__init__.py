"""Software that was not written here drives our simulators; what was said is kept and replayed.

    foreign program ── pty ── SniffingProxy ── pty ── drivers.sim.pty ── simulator

Each foreign program lives in an environment of its own (`environment`), runs as another process and talks to
the simulator as to a device. The proxy writes down both directions (`transcript`) and can spoil them.
``pytest -m peers`` lets the programs run; without the mark, and where a program cannot be had, their
transcripts are replayed in memory and every byte of the simulator must be the same.
"""
