provider "aws" {
  # Region, credentials and, on a laptop, the endpoint come from the environment.
  default_tags {
    tags = local.tags
  }
}

# QuickSight keeps its users and groups in one region of an account.
provider "aws" {
  alias  = "identity"
  region = var.quicksight_identity_region

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

################################################################################
# What was built, and by which contract
################################################################################

locals {
  index    = jsondecode(file(var.artefacts_index))
  tables   = jsondecode(file(var.catalog_file))
  rulesets = jsondecode(file(var.rulesets_file))

  # A build inside the repository names its files from there, any other in full.
  built = { for key, it in local.index.objects : key => { path = startswith(it.path, "/") ? it.path : "${path.root}/../${it.path}", sha256 = it.sha256 } }

  # What jobs of EMR Serverless bring with them. Spark takes an archive for a package of
  # Python on its executors by the end of its name, which must be .zip.
  serverless  = var.emr_cluster == "serverless"
  environment = "serverless/environment.tar.gz"
  objects = merge(
    { for key, it in local.built : key => it if local.serverless || key != local.environment },
    { for key in local.library_keys : "serverless/library.zip" => local.built[key] if local.serverless },
  )

  contract = yamldecode(file(local.built["contract.yaml"].path))
  prefix   = local.contract.prefix

  # Wheels are named by their version, so they are found by their folder.
  library_keys       = sort([for key in keys(local.built) : key if startswith(key, "library/") && endswith(key, ".whl")])
  encrypt_in_transit = contains(keys(local.built), "emr/certificates.zip")
  # The certificate is new with every build and no reason to remake a cluster.
  node_packages = { for key, it in local.objects : key => it.sha256 if startswith(key, "emr/") && key != "emr/certificates.zip" }
}

################################################################################
# QuickSight: made once there is something to show
################################################################################

locals {
  quicksight_state = var.quicksight_user == "" ? "off" : var.quicksight_ready ? "on" : "waiting"
  quicksight_arn   = "arn:${local.partition}:quicksight:${coalesce(var.quicksight_identity_region, local.region)}:${local.account}"

  # CloudFormation cannot make a dashboard there.
  # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-quicksight-dashboard.html
  regions_without_dashboards = ["ap-east-1", "ap-northeast-3", "ap-south-2", "ap-southeast-4", "ca-west-1", "il-central-1", "me-central-1", "mx-central-1", "us-west-1"]

  quicksight_owner   = startswith(var.quicksight_user, "arn:") ? var.quicksight_user : "${local.quicksight_arn}:user/default/${var.quicksight_user}"
  quicksight_readers = var.quicksight_readers == "" || startswith(var.quicksight_readers, "arn:") ? var.quicksight_readers : "${local.quicksight_arn}:group/default/${var.quicksight_readers}"

  quicksight_template = one([for key in keys(local.objects) : key if startswith(key, "quicksight/")])
}

################################################################################
# Names: chosen once, so that modules can name each other without waiting
################################################################################

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  tags = merge(var.tags, { Project = var.project })

  log_bucket_name   = coalesce(var.log_bucket_name, "${var.bucket_name}-logs")
  bucket_arns       = { for key, name in { data = var.bucket_name, logs = local.log_bucket_name } : key => "arn:${local.partition}:s3:::${name}" }
  topic_name        = "${var.project}-notices"
  topic_arn         = "arn:${local.partition}:sns:${local.region}:${local.account}:${local.topic_name}"
  ledger_table_name = "${var.project}-ledger"
  queue_name        = "${var.project}-dead-letters"
  connection_name   = "${var.project}-private"
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.project}"
  contract_uri      = "s3://${var.bucket_name}/artefacts/contract.yaml"

  functions = {
    plan_run           = "Takes the lease and writes the snapshot of a run"
    compare_runs       = "Holds a run that is too close to the live one"
    publish_outputs    = "Copies a run's validated outputs to Output_data"
    generate_manifests = "Writes QuickSight manifests of the outputs"
    validate_manifests = "Follows each manifest to its output and records the run as live"
    write_page         = "Writes the dashboard's page of what is published"
    end_run            = "Ends a run: frees the lease; after a failure rolls back and sends the notice"
  }
  function_names = { for key in keys(local.functions) : key => "${var.project}-${replace(key, "_", "-")}" }

  jobs = {
    test_analysis = {
      name        = "${var.project}-test-analysis"
      description = "Runs the uploaded analysis on the golden sample"
      script      = "test_analysis.py"
    }
    validate_outputs = {
      name        = "${var.project}-validate-outputs"
      description = "Checks a run's outputs before they are published"
      script      = "validate_outputs.py"
    }
  }
}

################################################################################
# Modules, in the order in which data flows
################################################################################

module "network" {
  source = "./modules/network"

  name                      = var.project
  vpc_cidr                  = var.vpc_cidr
  instance_types            = distinct([var.emr_primary_instance_type, var.emr_core_instance_type])
  bucket_arns               = values(local.bucket_arns)
  log_bucket_arn            = module.storage.log_bucket_arn
  ssh_allowed_cidrs         = var.ssh_allowed_cidrs
  instance_connect_endpoint = var.instance_connect_endpoint
  session_manager           = var.session_manager
  serverless                = local.serverless
}

module "storage" {
  source = "./modules/storage"

  name               = var.project
  bucket_name        = var.bucket_name
  log_bucket_name    = local.log_bucket_name
  force_destroy      = var.force_destroy
  log_retention_days = var.log_retention_days
  artefacts          = local.objects
  serverless         = local.serverless
}

module "iam" {
  source = "./modules/iam"

  name                   = var.project
  prefix                 = local.prefix
  bucket_arn             = local.bucket_arns.data
  log_bucket_arn         = local.bucket_arns.logs
  key_arn                = module.storage.key_arn
  ledger_table_name      = local.ledger_table_name
  topic_name             = local.topic_name
  state_machine_name     = var.project
  function_names         = local.function_names
  dead_letter_queue_name = local.queue_name
  job_names              = [for job in values(local.jobs) : job.name]
  connection_name        = local.connection_name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = [module.network.private_subnet_ids[0]]
  glue_security_group_id = module.network.security_group_ids["glue"]
  session_manager        = var.session_manager
  quicksight             = local.quicksight_state != "off"
  serverless             = local.serverless ? { application_arn = module.emr.application.arn } : null
}

module "emr" {
  source = "./modules/emr"

  name                  = var.project
  tags                  = var.tags
  mode                  = var.emr_cluster
  release               = var.emr_release
  primary_instance_type = var.emr_primary_instance_type
  core_instance_type    = var.emr_core_instance_type
  core_instances        = var.emr_core_instances
  idle_timeout_seconds  = var.emr_idle_timeout_seconds
  subnet_id             = module.network.private_subnet_ids[0]
  security_group_ids    = module.network.security_group_ids
  ec2_key_name          = var.ec2_key_name
  service_role_arn      = module.iam.role_arns["emr-service"]
  instance_profile_name = module.iam.instance_profile_name
  key_arn               = module.storage.key_arn
  log_bucket_name       = module.storage.log_bucket_name
  artefacts_uri         = module.storage.artefacts_uri
  library_keys          = local.library_keys
  node_packages_version = sha256(jsonencode(local.node_packages))
  encrypt_in_transit    = local.encrypt_in_transit
  # Not with the rest: the role's policies wait for the application.
  job_role_arn = local.serverless ? module.iam.role_arns["serverless-job"] : ""
  serverless = {
    vcpus       = var.emr_serverless_vcpus
    library_uri = "${module.storage.artefacts_uri}/serverless/library.zip"
    # A laptop's build has none; it has what nodes install, too.
    environment_uri = contains(keys(local.built), local.environment) ? "${module.storage.artefacts_uri}/${local.environment}" : null
    timeout_minutes = max(5, ceil(var.run_timeout_seconds / 60))
  }
}

module "glue" {
  source = "./modules/glue"

  name              = var.project
  database_name     = local.contract.dataset
  tables            = local.tables
  rulesets          = local.rulesets
  jobs              = local.jobs
  worker_type       = var.glue_worker_type
  workers           = var.glue_workers
  timeout_minutes   = min(2880, ceil(var.run_timeout_seconds / 60))
  role_arn          = module.iam.role_arns["glue"]
  key_arn           = module.storage.key_arn
  connection_name   = local.connection_name
  subnet_id         = module.network.private_subnet_ids[0]
  availability_zone = module.network.zones[0]
  security_group_id = module.network.security_group_ids["glue"]
  bucket_name       = module.storage.bucket_name
  prefix            = local.prefix
  artefacts_uri     = module.storage.artefacts_uri
  contract_uri      = local.contract_uri
  module_keys       = local.index.glue_modules

  athena_results_uri = var.athena ? "s3://${module.storage.log_bucket_name}/athena/" : null
}

module "lambdas" {
  source = "./modules/lambdas"

  functions = { for key, description in local.functions : key => {
    name        = local.function_names[key]
    description = description
    role_arn    = module.iam.role_arns[replace(key, "_", "-")]
    package     = module.storage.artefacts["lambdas/${key}.zip"]
    # end_run may have to wait for a function that outlives its execution.
    timeout_seconds = key == "end_run" ? 900 : 300
  } }

  environment = merge(local.serverless ? { SERVERLESS_APPLICATION_ID = module.emr.application.id } : {}, {
    BUCKET            = var.bucket_name
    CONTRACT_URI      = local.contract_uri
    CODE_VERSION      = local.index.version
    LEDGER_TABLE      = local.ledger_table_name
    TOPIC_ARN         = local.topic_arn
    STATE_MACHINE_ARN = local.state_machine_arn
    LEASE_SECONDS     = tostring(var.lease_seconds)
  })

  bucket_name           = module.storage.bucket_name
  key_arn               = module.storage.key_arn
  dead_letter_queue_arn = module.orchestration.dead_letter_queue_arn
  log_retention_days    = var.log_retention_days
}

module "orchestration" {
  source = "./modules/orchestration"

  name                   = var.project
  definition_file        = var.state_machine_file
  state_machine_role_arn = module.iam.role_arns["state-machine"]
  events_role_arn        = module.iam.role_arns["events"]
  end_run_arn            = module.lambdas.arns["end_run"]
  bucket_name            = module.storage.bucket_name
  input_prefix           = "${local.prefix}/Input_data/"
  ledger_table_name      = local.ledger_table_name
  dead_letter_queue_name = local.queue_name
  key_arn                = module.storage.key_arn
  log_retention_days     = var.log_retention_days

  definition_variables = {
    plan_run_arn           = module.lambdas.arns["plan_run"]
    compare_runs_arn       = module.lambdas.arns["compare_runs"]
    publish_outputs_arn    = module.lambdas.arns["publish_outputs"]
    generate_manifests_arn = module.lambdas.arns["generate_manifests"]
    validate_manifests_arn = module.lambdas.arns["validate_manifests"]
    write_page_arn         = module.lambdas.arns["write_page"]
    end_run_arn            = module.lambdas.arns["end_run"]
    emr_cluster_mode       = var.emr_cluster
    emr_cluster_parameters = jsonencode(module.emr.cluster_parameters)
    analysis_integration   = module.emr.analysis.integration
    analysis               = module.emr.analysis.arguments
    test_analysis_job      = module.glue.job_names["test_analysis"]
    validate_outputs_job   = module.glue.job_names["validate_outputs"]
    topic_arn              = module.monitoring.topic_arn
    bucket                 = module.storage.bucket_name
    artefacts_uri          = module.storage.artefacts_uri
    ledger_table           = local.ledger_table_name
    dashboard_data_sets    = jsonencode([for table in local.tables : { output = table.name, data_set = "${var.project}-${table.name}" } if local.quicksight_state == "on"])
    account                = local.account
    partition              = local.partition
    timeout_seconds        = tostring(var.run_timeout_seconds)
  }
}

module "monitoring" {
  source = "./modules/monitoring"

  name                   = var.project
  topic_name             = local.topic_name
  emails                 = var.notice_emails
  key_arn                = module.storage.key_arn
  state_machine_arn      = local.state_machine_arn
  dead_letter_queue_name = local.queue_name
  function_names         = local.function_names
  transient_clusters     = var.emr_cluster == "transient"
  cluster_age_minutes    = var.cluster_age_alarm_minutes
  links                  = local.links
  monthly_budget_usd     = var.monthly_budget_usd
}

module "quicksight" {
  source = "./modules/quicksight"
  count  = local.quicksight_state == "on" ? 1 : 0

  providers = { aws = aws, aws.identity = aws.identity }

  name         = var.project
  template_url = replace(module.storage.artefacts_uri, "s3://${var.bucket_name}/artefacts", "https://${var.bucket_name}.s3.${local.region}.${data.aws_partition.current.dns_suffix}/artefacts/${local.quicksight_template}")
  bucket_name  = module.storage.bucket_name
  role_arn     = module.iam.role_arns["quicksight"]
  owner_arn    = local.quicksight_owner
  readers_arn  = local.quicksight_readers
  readers      = { group = var.quicksight_readers, members = var.quicksight_members }
}
