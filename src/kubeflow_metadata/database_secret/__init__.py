"""Before MySQL starts in a cluster: its Secret is made where there is none, and never changed.

Runs as the initContainer of MySQL, the only container with a token for the API server. Standard library only.
"""
