-- Stays that are finished, and open ones, which are where the open records are.
WITH {customs} {standing}, {standing_on}
stay AS (
  {stays}
),
{each}
{tail}
