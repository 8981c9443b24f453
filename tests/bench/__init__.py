"""``./dev bench``: the speed and the size of the real programs, in one run on one machine, budgets beside them."""
