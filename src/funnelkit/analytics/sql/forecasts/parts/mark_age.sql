:age_{n}_{m} AS age_{m}
