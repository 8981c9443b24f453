"""Resident ID card readers: SDT frames, the text block, and the transports that carry them."""
