"""Decoders: bytes of one protocol to entries of a trace."""
