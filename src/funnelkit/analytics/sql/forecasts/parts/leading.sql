CASE WHEN amount < 100 THEN amount
      WHEN amount < 1000 THEN amount - amount % 10
      WHEN amount < 10000 THEN amount - amount % 100
      WHEN amount < 100000 THEN amount - amount % 1000
      WHEN amount < 1000000 THEN amount - amount % 10000
      WHEN amount < 10000000 THEN amount - amount % 100000
      WHEN amount < 100000000 THEN amount - amount % 1000000
      WHEN amount < 1000000000 THEN amount - amount % 10000000
      WHEN amount < 10000000000 THEN amount - amount % 100000000
      WHEN amount < 100000000000 THEN amount - amount % 1000000000
      WHEN amount < 1000000000000 THEN amount - amount % 10000000000
      WHEN amount < 10000000000000 THEN amount - amount % 100000000000
      WHEN amount < 100000000000000 THEN amount - amount % 1000000000000
      WHEN amount < 1000000000000000 THEN amount - amount % 10000000000000
      WHEN amount < 10000000000000000 THEN amount - amount % 100000000000000
      WHEN amount < 100000000000000000 THEN amount - amount % 1000000000000000
      WHEN amount < 1000000000000000000 THEN amount - amount % 10000000000000000
      ELSE amount END
