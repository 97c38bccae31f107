SELECT record_id, unit, {n} AS ord, MIN(seq) AS seq_done FROM step_{n} GROUP BY record_id, unit
