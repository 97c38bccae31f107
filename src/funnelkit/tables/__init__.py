"""Tables: files of rows in, checked values out. Nothing here knows an engine or a store."""
