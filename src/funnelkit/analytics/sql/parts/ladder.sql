SELECT :place_{n} AS place, {n} AS ord, {bit} AS bit
