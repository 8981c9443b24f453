"""What the operating system says about the machine: its USB bus and its clock."""
