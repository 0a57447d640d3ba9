# The stack as it is without a single variable, on a mocked provider: no account,
# no endpoint, and still every expression evaluated.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "identity"
  source = "./tests/mocks"
}

variables {
  artefacts_index = "tests/fixtures/index.json"
  catalog_file    = "tests/fixtures/catalog.json"
  rulesets_file   = "tests/fixtures/rulesets.json"
}

run "defaults" {
  command = apply

  assert {
    condition     = length(module.network.private_subnet_ids) == 2 && length(distinct(module.network.zones)) == 2
    error_message = "Two private subnets in two zones, not ${jsonencode(module.network.zones)}."
  }

  assert {
    condition     = output.emr_cluster_id == ""
    error_message = "Clusters are transient unless one asks for another."
  }

  assert {
    condition     = output.input_uri == "s3://medicalcharges/MedicalCharges/Input_data/" && output.output_uri == "s3://medicalcharges/MedicalCharges/Output_data/"
    error_message = "The folders have the contract's prefix: ${output.input_uri}"
  }

  assert {
    condition     = output.glue_database == "medical_charges" && module.glue.table_names == tolist(["charges_by_age", "charges_by_region"])
    error_message = "A table per entry of the catalog file, in the contract's database."
  }

  assert {
    condition     = output.athena == null
    error_message = "Athena's workgroup is made for who asks."
  }

  assert {
    condition     = module.glue.ruleset_names == { input = "medical-charges-input", charges_by_age = "medical-charges-charges-by-age" }
    error_message = "A ruleset per entry of the rulesets file."
  }

  assert {
    condition     = length(module.orchestration.rule_names) == 3
    error_message = "Upload, removal and a run's bad end each have a rule."
  }

  assert {
    condition     = contains(module.monitoring.alarm_names, "medical-charges-old-cluster")
    error_message = "A transient cluster that does not end raises an alarm."
  }

  assert {
    condition     = output.quicksight_state == "off" && strcontains(output.quicksight, "quicksight_user") && length(module.quicksight) == 0
    error_message = "Without an owner there is no dashboard, and a sentence says so: ${output.quicksight}"
  }

  assert {
    condition     = alltrue([for link in values(output.console_links) : startswith(link, "https://eu-central-1.console.aws.amazon.com/")])
    error_message = "Links lead to the console of the region in use."
  }
}

run "athena" {
  command = apply

  variables {
    athena = true
  }

  assert {
    condition     = output.athena.workgroup == "medical-charges" && tolist(keys(output.athena.queries)) == module.glue.table_names
    error_message = "There is a workgroup, and a saved query for each output."
  }
}

run "cluster_of_a_run" {
  command = apply

  module {
    source = "./modules/emr"
  }

  variables {
    name                  = "medical-charges"
    tags                  = { CostCenter = "42" }
    mode                  = "transient"
    release               = "emr-7.12.0"
    primary_instance_type = "m5.xlarge"
    core_instance_type    = "m5.xlarge"
    core_instances        = { minimum = 1, maximum = 4 }
    idle_timeout_seconds  = 900
    ec2_key_name          = null
    subnet_id             = "subnet-1"
    security_group_ids    = { primary = "sg-1", core = "sg-2", service_access = "sg-3" }
    service_role_arn      = "arn:aws:iam::123456789012:role/service"
    instance_profile_name = "instances"
    key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/1"
    log_bucket_name       = "logs"
    artefacts_uri         = "s3://bucket/artefacts"
    library_keys          = ["library/medical_charges-0.1.0-py3-none-any.whl"]
    node_packages_version = "1"
    encrypt_in_transit    = true
    job_role_arn          = ""
    serverless            = { vcpus = 16, library_uri = "", environment_uri = null, timeout_minutes = 180 }
  }

  assert {
    condition     = output.cluster_parameters.AutoTerminationPolicy.IdleTimeout == 900
    error_message = "An idle transient cluster ends by itself."
  }

  assert {
    condition     = !can(output.cluster_parameters.Instances.Ec2KeyName) && !can(output.cluster_parameters.Name)
    error_message = "No key unless asked for, and the name is the run's."
  }

  assert {
    condition     = contains(output.cluster_parameters.Tags, { Key = "Project", Value = "medical-charges" })
    error_message = "The roles recognize a cluster by its Project tag."
  }

  assert {
    condition     = contains(output.cluster_parameters.Tags, { Key = "CostCenter", Value = "42" })
    error_message = "A run's cluster has the user's tags, by which its cost is allocated."
  }

  assert {
    condition     = output.step_arguments[0] == "spark-submit" && output.step_arguments[length(output.step_arguments) - 1] == "s3://bucket/artefacts/analyze.py"
    error_message = "The step ends with the uploaded script: ${jsonencode(output.step_arguments)}"
  }

  assert {
    condition     = jsondecode(output.security_configuration).EncryptionConfiguration.EnableInTransitEncryption && jsondecode(output.security_configuration).EncryptionConfiguration.AtRestEncryptionConfiguration.LocalDiskEncryptionConfiguration.EnableEbsEncryption
    error_message = "Encrypted at rest and in transit."
  }
}

run "without_a_certificate" {
  command = apply

  variables {
    artefacts_index = "tests/fixtures/index_without_certificate.json"
  }

  assert {
    condition     = !jsondecode(module.emr.security_configuration).EncryptionConfiguration.EnableInTransitEncryption && !strcontains(module.emr.security_configuration, "certificates.zip")
    error_message = "Nodes cannot use a certificate that was not built."
  }
}

run "persistent_cluster" {
  command = apply

  variables {
    emr_cluster  = "persistent"
    ec2_key_name = "ops"
  }

  assert {
    condition     = output.emr_cluster_id != ""
    error_message = "The persistent cluster's id is what runs send their steps to."
  }

  assert {
    condition     = !contains(module.monitoring.alarm_names, "medical-charges-old-cluster")
    error_message = "A persistent cluster may grow old."
  }
}

run "serverless" {
  command = apply

  variables {
    emr_cluster     = "serverless"
    artefacts_index = "tests/fixtures/index_serverless.json"
  }

  assert {
    condition     = output.emr_serverless_application_id != "" && output.emr_cluster_id == "" && !contains(module.monitoring.alarm_names, "medical-charges-old-cluster")
    error_message = "There is an application, and no cluster that could grow old."
  }

  assert {
    condition     = jsondecode(module.orchestration.definition).States.Analyze.Resource == "arn:aws:states:::emr-serverless:startJobRun.sync"
    error_message = "The analysis is a job."
  }
}

run "serverless_from_a_build_without_its_environment" {
  command = plan

  variables {
    emr_cluster = "serverless"
  }

  expect_failures = [output.emr_serverless_application_id]
}

run "dashboards_wait" {
  command = apply

  variables {
    quicksight_user = "alice"
  }

  assert {
    condition     = output.quicksight_state == "waiting" && strcontains(output.quicksight, "waits for a run that publishes what it reads") && length(module.quicksight) == 0
    error_message = "A data source cannot be made before its manifest: ${output.quicksight}"
  }
}

run "dashboards" {
  command = apply

  variables {
    quicksight_user    = "alice"
    quicksight_readers = "nurses"
    quicksight_ready   = true

    quicksight_identity_region = "us-east-1"
  }

  assert {
    condition     = output.quicksight_state == "on" && endswith(output.quicksight, "/sn/dashboards/medical-charges-dashboard")
    error_message = "The output gives the dashboard's address: ${output.quicksight}"
  }

  assert {
    condition     = local.quicksight_owner == "arn:aws:quicksight:us-east-1:123456789012:user/default/alice" && local.quicksight_readers == "arn:aws:quicksight:us-east-1:123456789012:group/default/nurses"
    error_message = "Users and groups are looked for in the region where QuickSight keeps them."
  }

  assert {
    condition     = { for it in jsondecode(module.orchestration.definition).States.RefreshDashboards.Items : it.output => it.data_set } == { charges_by_age = "medical-charges-charges_by_age", charges_by_region = "medical-charges-charges_by_region" }
    error_message = "Every data set is refreshed by the state machine."
  }
}

run "template_and_shares" {
  command = apply

  module {
    source = "./modules/quicksight"
  }

  variables {
    name         = "medical-charges"
    template_url = "https://medicalcharges.s3.eu-central-1.amazonaws.com/artefacts/quicksight/0123456789abcdef.json"
    bucket_name  = "medicalcharges"
    role_arn     = "arn:aws:iam::123456789012:role/medical-charges-quicksight"
    owner_arn    = "arn:aws:quicksight:eu-central-1:123456789012:user/default/alice"
    readers_arn  = ""
    readers      = { group = "", members = [] }
  }

  assert {
    condition     = aws_cloudformation_stack.this.parameters["Readers"] == ""
    error_message = "It is shared with nobody unless asked."
  }

  assert {
    condition     = length(aws_quicksight_group.readers) == 0
    error_message = "No group is made unless its members are named."
  }
}

run "group_of_readers" {
  command = apply

  module {
    source = "./modules/quicksight"
  }

  variables {
    name         = "medical-charges"
    template_url = "https://medicalcharges.s3.eu-central-1.amazonaws.com/artefacts/quicksight/0123456789abcdef.json"
    bucket_name  = "medicalcharges"
    role_arn     = "arn:aws:iam::123456789012:role/medical-charges-quicksight"
    owner_arn    = "arn:aws:quicksight:eu-central-1:123456789012:user/default/alice"
    readers_arn  = "arn:aws:quicksight:eu-central-1:123456789012:group/default/nurses"
    readers      = { group = "nurses", members = ["bob", "carol"] }
  }

  assert {
    condition     = aws_quicksight_group.readers[0].group_name == "nurses" && toset([for it in aws_quicksight_group_membership.readers : it.member_name]) == toset(["bob", "carol"])
    error_message = "A group whose members are named is made, with them in it."
  }
}
