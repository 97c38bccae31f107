"""Tables: files of rows in, records out through the gate, and records back to files.

Reading files and cells, and what their columns mean, knows no engine and no store; `importing` does.
"""
