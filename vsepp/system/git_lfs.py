"""What git leaves in place of a large file that it has not fetched."""

POINTER = b"version https://git-lfs"  # how it begins
