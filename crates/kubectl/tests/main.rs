//! Stories of the plugin: the program as a person and as CI run it.

mod program;
