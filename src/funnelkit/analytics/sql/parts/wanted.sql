(nth * 100 >= {percent} * total AND nth * 100 < {percent} * total + 100)
