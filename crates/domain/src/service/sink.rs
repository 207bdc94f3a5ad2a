//! Where a reply goes that may be longer than memory should hold.

use crate::Result;
use crate::meta::Version;

/// What is known of a reply before its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// 200 with one resource of this version, for `ETag`.
    Resource(Version),
    /// 304: the client has this version already.
    NotModified(Version),
    /// 200 with a ListResponse.
    List,
    /// 200 with a file.
    File {
        /// Its media type.
        media_type: &'static str,
        /// What to call it, without quotes.
        name: String,
    },
}

/// Takes a reply piece by piece. Fails when the client is gone or too slow; the use case then stops.
pub trait Sink {
    /// Called once, before any text. What fails before it becomes an error reply.
    fn begin(&mut self, head: Head) -> Result<()>;

    /// The next piece of the body.
    fn text(&mut self, text: &str) -> Result<()>;

    /// The same for a text that the use case needs no more.
    fn whole(&mut self, text: String) -> Result<()> {
        self.text(&text)
    }
}
