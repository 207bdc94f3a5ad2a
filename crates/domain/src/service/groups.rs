//! What only groups need of the use cases.
