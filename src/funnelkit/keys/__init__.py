"""One spelling each of an e-mail address, a phone number, a name: the keys by which clients are found."""
