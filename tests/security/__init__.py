"""Escape attempts against the real kiosk, as data (attempts/*.toml), and what runs, watches and reports them."""
