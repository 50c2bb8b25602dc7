"""The wire contract of ML Metadata: protobuf package ``ml_metadata`` and its generated messages.

Message names, field numbers and method names are those of ``ml-metadata`` 1.14 to 1.17, so that every
existing client can talk to our server. ``make proto`` regenerates the modules from the two ``.proto`` files.
"""
