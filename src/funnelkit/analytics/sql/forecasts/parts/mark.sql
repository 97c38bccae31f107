SELECT :place_{n} AS place, {ages}
