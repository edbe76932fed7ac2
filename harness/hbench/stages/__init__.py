"""The stages of the data flow; each reads what earlier ones stored, and none imports another."""
