{left}
UNION ALL
{going_on}
