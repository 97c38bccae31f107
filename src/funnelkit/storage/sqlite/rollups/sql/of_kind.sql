SELECT {number} AS kind, f.* FROM ({facts}) AS f
