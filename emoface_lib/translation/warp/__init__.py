"""A photograph's own warp: lips, lids, teeth and the mouth's inside move."""
