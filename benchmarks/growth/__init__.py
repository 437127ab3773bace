"""How costs grow with what there is."""
