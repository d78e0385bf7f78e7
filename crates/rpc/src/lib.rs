//! The gRPC contract of ipamd.
