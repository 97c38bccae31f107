SELECT record_id, unit, {clock} AS hit_us FROM turn_{n}
WHERE turn = {out} AND began > 0 AND moved_us + 1 - began <= :within
