use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use domain::meta::Version;
use futures_util::future::poll_fn;

use super::*;

const SHORT: Duration = Duration::from_millis(100);

fn resource() -> Head {
    Head::Resource { version: Version(7), location: "https://x/1".into() }
}

/// Runs `work` as [`answer`] does, on a thread whose outcome can be asked for.
async fn run(
    work: impl FnOnce(&mut dyn Sink) -> Result<()> + Send + 'static,
) -> (Result<Begun>, JoinHandle<Result<()>>) {
    let (answer, answered) = oneshot::channel();
    let thread = thread::spawn(move || {
        let mut writer = Writer::new(answer, SHORT);
        let result = work(&mut writer);
        writer.end(result)
    });
    (answered.await.unwrap(), thread)
}

async fn next(body: &mut Long) -> Option<std::result::Result<Bytes, CutShort>> {
    poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await
}

fn long(begun: Result<Begun>) -> Long {
    match begun {
        Ok(Begun::Long(Head::List, body)) => body,
        Ok(_) => panic!("not streamed"),
        Err(error) => panic!("{error}"),
    }
}

#[actix_rt::test]
async fn a_short_reply_goes_out_whole() {
    let reply = answer("r".into(), |sink| {
        sink.begin(resource())?;
        sink.text("{\"a\":")?;
        sink.text("1}")
    });
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.headers().get(ETAG).unwrap(), "W/\"7\"");
    assert_eq!(reply.body().size(), BodySize::Sized(7));
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "{\"a\":1}");

    let almost = answer("r".into(), |sink| {
        sink.begin(Head::List)?;
        sink.text(&"x".repeat(WHOLE - 1))
    });
    assert_eq!(almost.await.unwrap().body().size(), BodySize::Sized(WHOLE as u64 - 1));
}

#[actix_rt::test]
async fn not_modified_has_no_body() {
    let reply = answer("r".into(), |sink| sink.begin(Head::NotModified(Version(3)))).await.unwrap();
    assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(reply.headers().get(ETAG).unwrap(), "W/\"3\"");
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "");
}

#[actix_rt::test]
async fn a_long_reply_is_streamed() {
    let text: String = (0..300_000).map(|number| format!("{number},")).collect();
    let written = text.clone();
    let reply = answer("r".into(), move |sink| {
        sink.begin(resource())?;
        // Small pieces and one that is larger than all that may be on its way.
        let (first, rest) = written.split_at(1_000);
        for digit in first.chars() {
            sink.text(digit.encode_utf8(&mut [0; 4]))?;
        }
        sink.text(rest)
    });
    let reply = reply.await.unwrap();
    assert_eq!(reply.body().size(), BodySize::Stream);
    assert_eq!(reply.headers().get(ETAG).unwrap(), "W/\"7\"");
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), text);
}

#[actix_rt::test]
async fn the_writer_is_never_far_ahead_of_the_client() {
    let written = Arc::new(Mutex::new(0));
    let count = Arc::clone(&written);
    let (begun, thread) = run(move |sink| {
        sink.begin(Head::List)?;
        for _ in 0..100 {
            sink.text(&"x".repeat(CHUNK))?;
            *count.lock().unwrap() += CHUNK;
        }
        Ok(())
    })
    .await;
    let mut body = long(begun);
    let mut taken = 0;
    loop {
        match next(&mut body).await {
            Some(piece) => taken += piece.unwrap().len(),
            None => break,
        }
        // A moment for the writer to run ahead, if it could.
        thread::sleep(Duration::from_millis(2));
        assert!(*written.lock().unwrap() <= taken + (CHUNKS + 1) * CHUNK);
    }
    assert_eq!(taken, 100 * CHUNK);
    thread.join().unwrap().unwrap();
}

fn endless(sink: &mut dyn Sink) -> Result<()> {
    sink.begin(Head::List)?;
    loop {
        sink.text("xxxxxxxxxx")?;
    }
}

#[actix_rt::test]
async fn a_client_that_leaves_stops_the_work() {
    let (begun, thread) = run(endless).await;
    let mut body = long(begun);
    assert!(next(&mut body).await.unwrap().is_ok());
    drop(body);
    assert!(matches!(thread.join().unwrap(), Err(Error::Unavailable(_))));
}

#[actix_rt::test]
async fn a_client_that_takes_nothing_stops_the_work() {
    let (begun, thread) = run(endless).await;
    let mut body = long(begun);
    assert!(matches!(thread.join().unwrap(), Err(Error::Unavailable(_))));
    // What was on its way still comes, and then no end.
    for _ in 0..=CHUNKS {
        assert!(next(&mut body).await.unwrap().is_ok());
    }
    assert!(next(&mut body).await.unwrap().is_err());
}

#[actix_rt::test]
async fn work_that_nobody_waits_for_stops() {
    let (answer, answered) = oneshot::channel();
    drop(answered);
    let mut writer = Writer::new(answer, SHORT);
    writer.begin(Head::List).unwrap();
    assert!(matches!(writer.text("x"), Err(Error::Unavailable(_))));
}

#[actix_rt::test]
async fn an_error_before_anything_is_sent_is_an_ordinary_reply() {
    let early = answer("r".into(), |_| Err(Error::no_resource())).await;
    assert!(matches!(early, Err(Failure::Domain(Error::NotFound(_)))));
    let late = answer("r".into(), |sink| {
        sink.begin(Head::List)?;
        sink.text("{\"Resources\":[")?;
        Err(Error::unavailable("the database is gone"))
    });
    assert!(matches!(late.await, Err(Failure::Domain(Error::Unavailable(_)))));
    let nothing = answer("r".into(), |_| Ok(())).await;
    assert!(matches!(nothing, Err(Failure::Domain(Error::Internal(_)))));
    let panicked = answer("r".into(), |_| panic!("on purpose")).await;
    assert!(matches!(panicked, Err(Failure::Domain(Error::Internal(_)))));
}

#[actix_rt::test]
async fn an_error_after_the_first_piece_breaks_the_reply() {
    fn fails(sink: &mut dyn Sink) -> Result<()> {
        sink.begin(Head::List)?;
        sink.text(&"x".repeat(WHOLE + 1))?;
        Err(Error::internal("a broken row"))
    }
    fn panics(sink: &mut dyn Sink) -> Result<()> {
        let _ = fails(sink);
        panic!("on purpose")
    }
    for work in [fails, panics] {
        let reply = answer("r".into(), work).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert!(to_bytes(reply.into_body()).await.is_err());
    }
}

#[actix_rt::test]
async fn work_that_runs_again_begins_again_until_something_is_sent() {
    let reply = answer("r".into(), |sink| {
        sink.begin(resource())?;
        sink.text("half of a")?;
        sink.begin(Head::List)?;
        sink.text("whole")
    });
    let reply = reply.await.unwrap();
    assert_eq!(reply.headers().get(ETAG), None);
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "whole");

    let (begun, thread) = run(|sink| {
        sink.begin(Head::List)?;
        sink.text(&"x".repeat(WHOLE))?;
        sink.begin(Head::List)
    })
    .await;
    let mut body = long(begun);
    assert!(matches!(thread.join().unwrap(), Err(Error::Internal(_))));
    assert!(next(&mut body).await.unwrap().is_ok());
    assert!(next(&mut body).await.unwrap().is_err());
}
