SELECT {which} AS record_id FROM touch WHERE {where} GROUP BY {which}
