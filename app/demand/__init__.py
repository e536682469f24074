"""How many orders are to come: observed day by day, forecast for a fortnight, by zone and window."""
