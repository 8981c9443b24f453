"""What looks at one part of the booth each: devices, machine, links and clock."""
