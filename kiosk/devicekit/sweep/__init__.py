"""Sweeps: every command and every error code of a protocol, exercised on a simulator, for the coverage."""
