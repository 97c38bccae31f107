SELECT grp, stage, due, currency, chance, record_id, amount FROM dated
