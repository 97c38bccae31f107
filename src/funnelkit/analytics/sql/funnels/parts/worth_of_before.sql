,
    LAG(currency, 1, '') OVER (PARTITION BY {counted} ORDER BY high) AS currency_before,
    LAG(amount, 1, 0) OVER (PARTITION BY {counted} ORDER BY high) AS amount_before
