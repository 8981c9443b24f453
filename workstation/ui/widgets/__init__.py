"""The building blocks of the screens. Each is made for one theme; a new theme makes new widgets."""
