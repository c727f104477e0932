locals {
  made_domain = var.opensearch_domain == null ? null : {
    url        = "https://${aws_opensearch_domain.flows[0].endpoint}"
    domain_arn = "arn:${local.partition}:es:${local.here}:domain/${var.opensearch_domain.name}"
    secret_arn = null
  }
}

# Reachable from outside the VPC, as the Glue job is; who may do what is decided by IAM alone, for
# which every request is signed.
resource "aws_opensearch_domain" "flows" {
  count = var.opensearch_domain == null ? 0 : 1

  domain_name    = var.opensearch_domain.name
  engine_version = var.opensearch_domain.engine_version
  tags           = var.tags

  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      Action    = ["es:ESHttp*"]
      Resource  = "arn:${local.partition}:es:${local.here}:domain/${var.opensearch_domain.name}/*"
    }]
  })

  advanced_options = {
    # A bulk body may not name another index than its path, which is what the job's policy sees.
    "rest.action.multi.allow_explicit_index" = "false"
  }

  cluster_config {
    instance_type          = var.opensearch_domain.instance_type
    instance_count         = var.opensearch_domain.instance_count
    zone_awareness_enabled = false
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.opensearch_domain.volume_gb
  }

  encrypt_at_rest {
    enabled = true
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }
}
