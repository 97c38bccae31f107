"""What is still to come: wins and revenue by a date, as a distribution, and how such forecasts did before."""
