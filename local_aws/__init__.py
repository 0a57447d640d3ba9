"""The AWS stack on a laptop: moto's server, patches for its gaps, and workers that run code.

`with serve(state_dir) as stack:` holds an endpoint in this process; `python -m local_aws` holds one
in its own process.
"""

from local_aws.server import Stack, running, serve

__all__ = ["Stack", "running", "serve"]
