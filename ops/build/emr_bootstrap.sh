#!/usr/bin/env bash
# bootstrap.sh ARTIFACTS_URI: Python 3.11 and the project's packages on a node of EMR.
# Nodes reach no package index: Python comes from Amazon Linux's repository, which is in S3,
# and the packages come from the wheelhouse. The library itself travels with each step.
set -euo pipefail
artifacts=${1:?usage: bootstrap.sh ARTIFACTS_URI}
target=/opt/medical-charges
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sudo dnf install --quiet --assumeyes python3.11 unzip
aws s3 cp --quiet "$artifacts/emr/wheelhouse.zip" "$work/wheelhouse.zip"
unzip -q "$work/wheelhouse.zip" -d "$work/wheelhouse"
sudo python3.11 -m venv "$target"
sudo "$target/bin/python" -m pip install --quiet --no-index --no-deps --require-hashes \
  --find-links "$work/wheelhouse" --requirement "$work/wheelhouse/requirements.txt"
"$target/bin/python" -c 'import boto3, jinja2, mpmath, numpy, polars, pydantic, ruamel.yaml, scipy'
