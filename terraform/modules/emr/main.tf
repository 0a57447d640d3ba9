data "aws_region" "current" {}

locals {
  applications = ["Spark"]

  python = "/opt/medical-charges/bin/python"

  # Without a region boto3 asks S3's address in us-east-1, which a VPC without a way
  # to the internet does not reach.
  region = { for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] : name => data.aws_region.current.name }

  # https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html
  configurations = [
    {
      Classification = "spark-env"
      Properties     = {}
      Configurations = [{
        Classification = "export"
        Properties     = merge({ PYSPARK_PYTHON = local.python, PYSPARK_DRIVER_PYTHON = local.python }, local.region)
      }]
    },
    {
      Classification = "spark-defaults"
      Properties = merge(
        {
          "spark.pyspark.python"        = local.python
          "spark.pyspark.driver.python" = local.python
          # A core per task is the parallelism; threads inside a task would compete for it.
          "spark.executorEnv.POLARS_MAX_THREADS" = "1"
        },
        { for name, value in local.region : "spark.executorEnv.${name}" => value },
      )
    },
  ]

  bootstrap = {
    name = "Python and the project's packages"
    path = "${var.artefacts_uri}/emr/bootstrap.sh"
    args = [var.artefacts_uri]
  }

  log_uri = "s3://${var.log_bucket_name}/emr/"

  # EMR's managed service policy works for clusters with the first tag only; the
  # second is what the project's own roles ask for. The provider's default tags do
  # not reach a cluster that a run makes.
  tags = merge(var.tags, {
    "for-use-with-amazon-emr-managed-policies" = "true"
    Project                                    = var.name
  })

  volume = { size = var.volume_size, type = "gp3" }

  scaling = {
    unit_type = "Instances"
    minimum   = var.core_instances.minimum
    maximum   = var.core_instances.maximum
  }
}

################################################################################
# Encryption at rest and, where the build has made a certificate, in transit
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html
################################################################################

locals {
  at_rest = {
    S3EncryptionConfiguration = {
      EncryptionMode = "SSE-KMS"
      AwsKmsKey      = var.key_arn
    }
    LocalDiskEncryptionConfiguration = {
      EncryptionKeyProviderType = "AwsKms"
      AwsKmsKey                 = var.key_arn
      EnableEbsEncryption       = true
    }
  }

  in_transit = {
    InTransitEncryptionConfiguration = {
      TLSCertificateConfiguration = {
        CertificateProviderType = "PEM"
        S3Object                = "${var.artefacts_uri}/emr/certificates.zip"
      }
    }
  }
}

resource "aws_emr_security_configuration" "this" {
  #checkov:skip=CKV_AWS_171: checkov does not evaluate what is merged; tests/terraform/test_security_settings.py compares the settings
  #checkov:skip=CKV_AWS_349: checkov does not evaluate what is merged; tests/terraform/test_security_settings.py compares the settings
  #checkov:skip=CKV_AWS_350: checkov does not evaluate what is merged; tests/terraform/test_security_settings.py compares the settings
  #checkov:skip=CKV_AWS_351: checkov does not evaluate what is merged; tests/terraform/test_security_settings.py compares the settings
  # A configuration cannot be changed, and a cluster may be using the old one.
  name_prefix = "${var.name}-"

  configuration = jsonencode({
    EncryptionConfiguration = merge(
      {
        EnableAtRestEncryption        = true
        AtRestEncryptionConfiguration = local.at_rest
        EnableInTransitEncryption     = var.encrypt_in_transit
      },
      var.encrypt_in_transit ? local.in_transit : {},
    )
    # Credentials of the instance are given for a session token only.
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html#emr-security-configuration-imdsv2
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })

  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Transient: what each run asks elasticmapreduce:createCluster for
# https://docs.aws.amazon.com/emr/latest/APIReference/API_RunJobFlow.html
################################################################################

locals {
  ebs = {
    EbsBlockDeviceConfigs = [{
      VolumeSpecification = { VolumeType = local.volume.type, SizeInGB = local.volume.size }
      VolumesPerInstance  = 1
    }]
  }

  cluster_parameters = {
    ReleaseLabel          = var.release
    Applications          = [for name in local.applications : { Name = name }]
    ServiceRole           = var.service_role_arn
    JobFlowRole           = var.instance_profile_name
    SecurityConfiguration = aws_emr_security_configuration.this.name
    LogUri                = local.log_uri
    EbsRootVolumeSize     = var.root_volume_size
    VisibleToAllUsers     = true
    StepConcurrencyLevel  = 1
    ScaleDownBehavior     = "TERMINATE_AT_TASK_COMPLETION"
    Instances = merge(
      {
        Ec2SubnetId                   = var.subnet_id
        EmrManagedMasterSecurityGroup = var.security_group_ids["primary"]
        EmrManagedSlaveSecurityGroup  = var.security_group_ids["core"]
        ServiceAccessSecurityGroup    = var.security_group_ids["service_access"]
        KeepJobFlowAliveWhenNoSteps   = true # the state machine adds the step and ends the cluster
        TerminationProtected          = false
        InstanceGroups = [
          {
            Name             = "Primary"
            InstanceRole     = "MASTER"
            InstanceType     = var.primary_instance_type
            InstanceCount    = 1
            Market           = "ON_DEMAND"
            EbsConfiguration = local.ebs
          },
          {
            Name             = "Core"
            InstanceRole     = "CORE"
            InstanceType     = var.core_instance_type
            InstanceCount    = local.scaling.minimum
            Market           = "ON_DEMAND"
            EbsConfiguration = local.ebs
          },
        ]
      },
      var.ec2_key_name == null ? {} : { Ec2KeyName = var.ec2_key_name },
    )
    ManagedScalingPolicy = {
      ComputeLimits = {
        UnitType             = local.scaling.unit_type
        MinimumCapacityUnits = local.scaling.minimum
        MaximumCapacityUnits = local.scaling.maximum
      }
    }
    # Ends a cluster whose execution died. A persistent cluster has none.
    AutoTerminationPolicy = { IdleTimeout = var.idle_timeout_seconds }
    BootstrapActions = [{
      Name                  = local.bootstrap.name
      ScriptBootstrapAction = { Path = local.bootstrap.path, Args = local.bootstrap.args }
    }]
    Configurations = local.configurations
    Tags           = [for key, value in local.tags : { Key = key, Value = value }]
  }

  # The driver runs on the primary node: what it prints is then in the step's own
  # log, where a failure notice can find the last error line. In cluster mode it
  # would be in one of YARN's containers.
  step_arguments = concat(
    ["spark-submit", "--master", "yarn", "--deploy-mode", "client"],
    # The library comes with the step, so that a persistent cluster runs new code
    # without being replaced.
    length(var.library_keys) == 0 ? [] : ["--py-files", join(",", [for key in var.library_keys : "${var.artefacts_uri}/${key}"])],
    ["${var.artefacts_uri}/analyze.py"],
  )
}

################################################################################
# Serverless: an application that costs nothing while it has no job
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html
################################################################################

locals {
  # Driver and executors have this many each, and the memory and the disk of so many.
  worker_vcpus = 4
  memory_gb    = 4
  disk_gb      = 5

  # The interpreter of the archive that each worker unpacks.
  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-python-libraries.html
  packed_python = "./environment/bin/python"
  packed = var.serverless.environment_uri == null ? {} : {
    "spark.archives"                                       = "${var.serverless.environment_uri}#environment"
    "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON" = local.packed_python
    "spark.emr-serverless.driverEnv.PYSPARK_PYTHON"        = local.packed_python
    "spark.executorEnv.PYSPARK_PYTHON"                     = local.packed_python
  }

  job_settings = merge(
    local.packed,
    { for name, value in local.region : "spark.emr-serverless.driverEnv.${name}" => value },
    { for name, value in local.region : "spark.executorEnv.${name}" => value },
    {
      # The tables are made in Python, outside the driver's JVM.
      "spark.driver.cores"          = local.worker_vcpus
      "spark.driver.memory"         = "4g"
      "spark.driver.memoryOverhead" = "11g"
      # A worker of four vCPUs has 8 GB at least.
      "spark.emr-serverless.driverEnv.EXECUTOR_MEMORY" = "6g"
      "spark.dynamicAllocation.initialExecutors"       = 1
      "spark.dynamicAllocation.maxExecutors"           = var.serverless.vcpus / local.worker_vcpus - 1
    },
  )

  # https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
  job = {
    ApplicationId    = one(aws_emrserverless_application.this[*].id)
    ExecutionRoleArn = var.job_role_arn
    Name             = "{% $states.context.StateMachine.Name & ' ' & $run_id %}"
    # A repeated call starts nothing twice.
    ClientToken = "{% $run_id %}"
    JobDriver = {
      SparkSubmit = {
        EntryPoint            = "${var.artefacts_uri}/analyze.py"
        EntryPointArguments   = "{% $analysis_arguments %}"
        SparkSubmitParameters = join(" ", concat(["--py-files ${var.serverless.library_uri}"], [for name, value in local.job_settings : "--conf ${name}=${value}"]))
      }
    }
    # Also if the execution that waits for it has died.
    ExecutionTimeoutMinutes = var.serverless.timeout_minutes
    ConfigurationOverrides = {
      MonitoringConfiguration = {
        S3MonitoringConfiguration = { LogUri = "s3://${var.log_bucket_name}/serverless/", EncryptionKeyArn = var.key_arn }
        # What an unexpected error says may quote data, which stays in this account.
        ManagedPersistenceMonitoringConfiguration = { Enabled = false }
      }
    }
  }
}

resource "aws_emrserverless_application" "this" {
  count = var.mode == "serverless" ? 1 : 0

  name          = var.name
  release_label = var.release
  type          = "SPARK"
  architecture  = "X86_64" # as the packages are built for

  # No initial capacity, and no more than this, whatever a job asks for.
  maximum_capacity {
    cpu    = "${var.serverless.vcpus} vCPU"
    memory = "${var.serverless.vcpus * local.memory_gb} GB"
    disk   = "${var.serverless.vcpus * local.disk_gb} GB"
  }

  auto_start_configuration {
    enabled = true
  }

  # Only a stopped application can be changed or deleted.
  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 1
  }

  network_configuration {
    subnet_ids         = [var.subnet_id]
    security_group_ids = [var.security_group_ids["serverless"]]
  }

  tags = local.tags
}

################################################################################
# What the state Analyze asks for: a step of a cluster, or a job
#
# $cluster_id, $run_id and $analysis_arguments are variables of the state machine.
################################################################################

locals {
  step = {
    ClusterId = "{% $cluster_id != '' ? $cluster_id : '${join("", aws_emr_cluster.this[*].id)}' %}"
    Step = {
      Name            = "{% 'analyze ' & $run_id %}"
      ActionOnFailure = "CONTINUE"
      HadoopJarStep = {
        Jar  = "command-runner.jar"
        Args = "{% $append(${jsonencode(local.step_arguments)}, $analysis_arguments) %}"
      }
    }
  }

  analysis = var.mode == "serverless" ? {
    integration = "emr-serverless:startJobRun.sync"
    arguments   = jsonencode(local.job)
    } : {
    integration = "elasticmapreduce:addStep.sync"
    arguments   = jsonencode(local.step)
  }
}

################################################################################
# Persistent: the same cluster, kept
################################################################################

# Nodes install the wheelhouse once, when they start.
resource "terraform_data" "node_packages" {
  count = var.mode == "persistent" ? 1 : 0

  input = var.node_packages_version
}

resource "aws_emr_cluster" "this" {
  #checkov:skip=CKV2_AWS_7: the groups come from the network module, where no rule names the world; checkov does not look across modules
  count = var.mode == "persistent" ? 1 : 0

  name                              = var.name
  release_label                     = var.release
  applications                      = local.applications
  service_role                      = var.service_role_arn
  security_configuration            = aws_emr_security_configuration.this.name
  log_uri                           = local.log_uri
  ebs_root_volume_size              = var.root_volume_size
  step_concurrency_level            = 1
  scale_down_behavior               = "TERMINATE_AT_TASK_COMPLETION"
  keep_job_flow_alive_when_no_steps = true
  termination_protection            = false
  configurations_json               = jsonencode(local.configurations)

  ec2_attributes {
    subnet_id                         = var.subnet_id
    instance_profile                  = var.instance_profile_name
    emr_managed_master_security_group = var.security_group_ids["primary"]
    emr_managed_slave_security_group  = var.security_group_ids["core"]
    service_access_security_group     = var.security_group_ids["service_access"]
    key_name                          = var.ec2_key_name
  }

  master_instance_group {
    name           = "Primary"
    instance_type  = var.primary_instance_type
    instance_count = 1

    ebs_config {
      type                 = local.volume.type
      size                 = local.volume.size
      volumes_per_instance = 1
    }
  }

  core_instance_group {
    name           = "Core"
    instance_type  = var.core_instance_type
    instance_count = local.scaling.minimum

    ebs_config {
      type                 = local.volume.type
      size                 = local.volume.size
      volumes_per_instance = 1
    }
  }

  bootstrap_action {
    name = local.bootstrap.name
    path = local.bootstrap.path
    args = local.bootstrap.args
  }

  tags = local.tags

  lifecycle {
    # Managed scaling decides how many core nodes there are.
    ignore_changes       = [core_instance_group[0].instance_count]
    replace_triggered_by = [terraform_data.node_packages]
  }
}

resource "aws_emr_managed_scaling_policy" "this" {
  count = var.mode == "persistent" ? 1 : 0

  cluster_id = aws_emr_cluster.this[0].id

  compute_limits {
    unit_type              = local.scaling.unit_type
    minimum_capacity_units = local.scaling.minimum
    maximum_capacity_units = local.scaling.maximum
  }
}
