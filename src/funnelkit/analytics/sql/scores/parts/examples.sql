SELECT e.target AS outcome, :as_of - e.moved_us - (:as_of - e.moved_us) % :grain AS ago_us,
  COUNT(*) AS records{names}
FROM here AS h
JOIN ended AS e ON e.record_id = h.record_id
GROUP BY e.target, :as_of - e.moved_us - (:as_of - e.moved_us) % :grain{names}
