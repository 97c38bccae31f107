"""The verbs inside a transaction of the program around them."""
