"""emoface: audio-driven face animation whose emotion can be dialled, step by step."""

__version__ = "1.0.0"
