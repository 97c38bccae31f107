-- Where to look for the moves of records that were ever void: some sources keep them apart.
move
