"""What a database in object storage needs beyond LanceDB: conditional writes, a lease, compare-and-swap commits."""
