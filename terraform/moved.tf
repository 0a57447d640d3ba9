# Stacks applied under an earlier name of a module keep what it made.

moved {
  from = module.security
  to   = module.iam
}

# The queue's policy is an argument of the queue.
removed {
  from = module.orchestration.aws_sqs_queue_policy.dead_letters

  lifecycle {
    destroy = false
  }
}
