//! The World, read from the API server and EC2
