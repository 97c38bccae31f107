SELECT record_id, begun, {n} AS ord, seq FROM attempt_{n}
