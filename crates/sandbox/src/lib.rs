//! AWS as the VPC CNI meets it: EC2 and EKS with the real limits, over HTTP
