//! How much a run does: enough to see a defect that is there, or more when `ROLLCALL_TEST_FULL` is set.

/// `ROLLCALL_TEST_FULL`, when it is a number.
fn times() -> Option<usize> {
    std::env::var("ROLLCALL_TEST_FULL").ok()?.parse().ok()
}

/// How often something is tried: `ROLLCALL_TEST_FULL` times more when it is set.
pub(crate) fn rounds(usual: usize) -> usize {
    usual * times().unwrap_or(1)
}

/// How large something is: `full` when `ROLLCALL_TEST_FULL` is set.
pub(crate) fn size(usual: usize, full: usize) -> usize {
    if times().is_some() { full } else { usual }
}
