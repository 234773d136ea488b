"""The technician's test kit: contracts that every device is held to, traces, coverage, probing, a console."""
