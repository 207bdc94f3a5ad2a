//! Definitions: what is read, refused and compiled.
