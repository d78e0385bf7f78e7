//! The kernel of a node over netlink.
