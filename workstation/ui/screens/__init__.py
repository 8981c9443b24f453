"""One screen per kind of moment. A screen shows a ``Scene`` and reports presses; it keeps nothing of its own."""
