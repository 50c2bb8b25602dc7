"""Answers calls with the official library over any database: a JSON line in, a JSON line out.

In:  [method, request as base64], or ["open", ConnectionConfig as base64]
Out: [status code, response as base64, message]
"""

import base64
import json
import sys

from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library

store = None
for line in sys.stdin:
    method, argument = json.loads(line)
    if method == "open":
        store = None  # closes the one before
        store = library.CreateMetadataStore(base64.b64decode(argument), b"")
        answer = [0, "", ""]
    else:
        response, message, code = getattr(library, method)(store, base64.b64decode(argument))
        answer = [code, base64.b64encode(response).decode(), message.decode(errors="replace")]
    print(json.dumps(answer), flush=True)
