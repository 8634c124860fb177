"""Models of the shop, one file each."""
