-- How many records stood where, and for how much, as of then.
WITH {customs} {standing}, {state}
{tail}
