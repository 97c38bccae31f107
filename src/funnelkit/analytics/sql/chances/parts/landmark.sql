SELECT :place_{n} AS place, {m} AS nth, :age_{n}_{m} AS age_us
