"""What people look at: tables, pictures, curves."""
