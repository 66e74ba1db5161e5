"""Deliveries that are no file on this disk: an address, a query, rows in memory; each becomes one, in constant memory.

What is made here is read, checked and refused as every file is. Whatever is said of it names where it came from, and
never what opens the door there.
"""
