"""Who is it? The card record in memory, what the screen may show of it, and when it is forgotten."""
