:as_of
