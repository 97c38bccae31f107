GROUP_CONCAT(CASE WHEN m.source = :place_{n} THEN m.moved_us - m.since_us END) AS stays_{n}
