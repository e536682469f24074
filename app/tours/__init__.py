"""Tours: who brings what in which order, tentatively while people book and for real after the cut-off."""
