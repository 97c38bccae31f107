-- The definition that a move was made under.
SELECT d.document
FROM move AS m
JOIN definition AS d ON d.fingerprint = m.fingerprint
WHERE m.position = :newest
