CASE WHEN lasted_us <= :turn THEN lasted_us + :unit - 1 - (lasted_us + :unit - 1) % :unit
  ELSE lasted_us + :coarse - 1 - (lasted_us + :coarse - 1) % :coarse END
