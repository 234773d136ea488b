"""The contract of each ability: what every device that calls itself one must do, as checks."""
