"""What clients cost, what they bring, and which sources are to be thanked."""
