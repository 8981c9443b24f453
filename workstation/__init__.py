"""The kiosk application of the evaluation booth."""
