"""The MLMD gRPC server: ``ml_metadata.MetadataStoreService`` over our own engine.

Layers, each importing only what stands below it::

    cli             flags
    running         processes: one that answers calls, or one that supervises several
    server, watch   the gRPC server; what asks the database whether it answers
    workers         several processes on one port
    service         one method a call, a transaction each
    retries         a call whose transaction was undone is run again
    engine          what the calls mean: types, nodes, events, contexts
    db              statements, transactions and the schema of one kind of database
    errors          what can go wrong, with the gRPC code that says it
"""
