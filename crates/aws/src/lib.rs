//! EC2 and EKS behind the ports of core
