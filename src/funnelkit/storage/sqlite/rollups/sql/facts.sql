{plain}
UNION ALL
SELECT * FROM ({lived}) AS touched_too
