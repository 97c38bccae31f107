"""The parts of a conversion: what is planned, chosen, written and taken back."""
