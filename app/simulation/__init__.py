"""Plays seasons of shoppers against ways of selling windows, to see what each is worth."""
