"""The kiosk's window: screens that show a journey and report what was pressed. It decides nothing."""
