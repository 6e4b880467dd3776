"""The four tables: what is read and written, on which condition, and in which form."""
