"""How likely an open record is to be won, judged by others like it, and how true that proved."""
