# Fill in the names, then: terraform init && terraform apply
module "flow_trace" {
  source = "../"

  artifact_bucket = "my-artifacts"
  flow_logs       = ["s3://my-flow-logs/AWSLogs/111122223333/vpcflowlogs/eu-west-1"]
  output          = "s3://my-cases/cases"

  # evidence_bucket = {}   # makes the bucket of output
  # notify_email    = "responders@example.com"
  # schedule        = {}   # every flow of the last day, every day
}

provider "aws" {
  region = "eu-west-1"
}

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

output "flow_trace" {
  value = module.flow_trace
}
