"""What people closed, compared with care."""
