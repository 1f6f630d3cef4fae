"""The course beside the library: exercises, typical mistakes, editions, the book."""
