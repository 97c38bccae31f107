SELECT record_id, outcome FROM ending GROUP BY record_id, outcome
