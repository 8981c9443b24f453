"""What works at this booth: readings of the devices, their judgement and the edges worth reporting."""
