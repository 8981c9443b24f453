"""Drill mode (演练模式): what plays the outside world when nothing real may be touched."""
