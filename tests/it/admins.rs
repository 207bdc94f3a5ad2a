//! `/admin/v1` and `rollcall admin`: accounts of tenant admins and their sessions.

mod accounts;
mod attacks;
mod factor;
mod late;
mod sessions;
