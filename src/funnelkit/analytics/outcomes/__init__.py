"""How it ended: win rates and reasons of losses."""
