//! The tests themselves are the test binary `it`; this library is empty because a package needs a target that
//! others can name.
