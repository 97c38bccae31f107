SELECT :place_{n} AS place, :within_{n} AS within_us
