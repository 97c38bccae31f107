"""How it ended: win rates, reasons of losses, and what goes together with winning."""
