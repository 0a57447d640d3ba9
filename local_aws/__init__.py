"""The AWS stack on a laptop: moto's server, its gaps filled, and workers that really run.

`with serve(state_dir) as stack:` holds an endpoint in this process;
`python -m local_aws` holds one in a process of its own.
"""

from local_aws.server import Stack, running, serve

__all__ = ["Stack", "running", "serve"]
