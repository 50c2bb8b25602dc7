"""The MLMD gRPC server: ``ml_metadata.MetadataStoreService`` over our own engine.

Layers, each importing only what stands below it::

    cli, server     flags, the gRPC server, health, reflection, signals
    service         one method a call, a transaction each
    engine          what the calls mean: types, nodes, events, contexts
    db              statements, transactions and the schema of one kind of database
    errors          what can go wrong, with the gRPC code that says it
"""
