//! The Kubernetes API types of vpc-cni-operator and their conversions to and from core
