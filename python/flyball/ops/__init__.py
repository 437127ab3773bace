"""What people see and use: commands, reports."""
