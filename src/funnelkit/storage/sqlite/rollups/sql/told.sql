a || char(31) || b || char(31) || c || char(31) || d || char(31) || currency
