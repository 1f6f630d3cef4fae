"""Image translation: landmark images to frames (3.4; notebook 06)."""
