"""The only code that opens LanceDB. Every write happens under the table's writer lock."""
