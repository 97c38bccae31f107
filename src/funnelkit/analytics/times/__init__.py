"""How long: stays on stages and times to a win, with what still goes on."""
