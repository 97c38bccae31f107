SELECT :place_{n} AS place, :threshold_{n} AS threshold_us
