UNION ALL
SELECT record_id, unit, begun, {over_seq} AS over_seq, moved_us AS over_us FROM met_{n} WHERE turn = {out}
