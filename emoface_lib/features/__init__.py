"""Features of a clip: audio features F_a, aligned landmarks, expression softmax."""
