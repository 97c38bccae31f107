SELECT :key_{n} AS grp, :stage_{n} AS stage, :age_{n} AS age
