//! Logs, metrics, the admin server and signals
