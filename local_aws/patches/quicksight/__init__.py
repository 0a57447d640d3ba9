"""QuickSight: data sources and data sets that read their files, analyses and dashboards.

moto keeps names only. Here a data source reads its manifest when it is created, and an ingestion
loads the rows of the manifest's files and casts them by the data set, so that an error in
QuickSight is an error here.
"""

from local_aws.patches.quicksight.calls import call_from_a_machine, keep_resources, load_rows
from local_aws.patches.quicksight.stacks import make_by_cloudformation

PATCHES = {
    "quicksight: keep resources": keep_resources,
    "quicksight: load rows": load_rows,
    "quicksight: call from a machine": call_from_a_machine,
    "quicksight: make by CloudFormation": make_by_cloudformation,
}
