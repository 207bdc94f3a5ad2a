use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::test::TestRequest;
use domain::limits;
use domain::meta::Version as Revision;
use futures_util::future::poll_fn;

use super::*;

const SHORT: Duration = Duration::from_millis(100);
const QUICK: Pace = Pace { unseated: SHORT, piece: SHORT, all: Duration::from_secs(60) };

fn seats(number: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(number))
}

async fn answer(
    work: impl FnOnce(&mut dyn Sink) -> Result<()> + Send + 'static,
) -> std::result::Result<HttpResponse, Failure> {
    super::answer(limits::ANSWER_TIME, "r".into(), seats(1), Box::new(|| Ok(())), work).await
}

fn resource() -> Head {
    Head::Resource(Revision(7))
}

/// Runs `work` as [`answer`] does, on a thread whose outcome can be asked for.
async fn run(
    pace: Pace,
    seats: Arc<Semaphore>,
    work: impl FnOnce(&mut dyn Sink) -> Result<()> + Send + 'static,
) -> (Result<Begun>, JoinHandle<Result<()>>) {
    let (answer, answered) = oneshot::channel();
    let thread = thread::spawn(move || {
        let mut writer = Writer::new(answer, seats, Box::new(|| Ok(())), pace);
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
    let reply = answer(|sink| {
        sink.begin(resource())?;
        sink.text("{\"a\":")?;
        sink.text("1}")
    });
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.headers().get(ETAG).unwrap(), "W/\"7\"");
    assert_eq!(reply.body().size(), BodySize::Sized(7));
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "{\"a\":1}");

    let almost = answer(|sink| {
        sink.begin(Head::List)?;
        sink.text(&"x".repeat(WHOLE - 1))
    });
    assert_eq!(almost.await.unwrap().body().size(), BodySize::Sized(WHOLE as u64 - 1));
}

#[actix_rt::test]
async fn not_modified_has_no_body() {
    let reply = answer(|sink| sink.begin(Head::NotModified(Revision(3)))).await.unwrap();
    assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(reply.headers().get(ETAG).unwrap(), "W/\"3\"");
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "");
}

#[actix_rt::test]
async fn a_long_reply_is_streamed() {
    let text: String = (0..300_000).map(|number| format!("{number},")).collect();
    let written = text.clone();
    let reply = answer(move |sink| {
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
async fn a_client_of_http_1_0_gets_no_chunks() {
    for (version, text, chunked) in [
        (Version::HTTP_11, "x".repeat(WHOLE), true),
        (Version::HTTP_10, "x".repeat(WHOLE), false),
        (Version::HTTP_10, "x".into(), true),
    ] {
        let reply = answer(move |sink| {
            sink.begin(Head::List)?;
            sink.text(&text)
        });
        let request = TestRequest::get().version(version).to_http_request();
        let mut response = ServiceResponse::new(request, reply.await.unwrap());
        fit_version(&mut response);
        assert_eq!(response.response().head().chunked(), chunked);
    }
}

#[actix_rt::test]
async fn the_writer_is_never_far_ahead_of_the_client() {
    let written = Arc::new(Mutex::new(0));
    let count = Arc::clone(&written);
    let (begun, thread) = run(PACE, seats(1), move |sink| {
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
    let (begun, thread) = run(QUICK, seats(1), endless).await;
    let mut body = long(begun);
    assert!(next(&mut body).await.unwrap().is_ok());
    drop(body);
    assert!(matches!(thread.join().unwrap(), Err(Error::Unavailable(_))));
}

#[actix_rt::test]
async fn a_client_that_takes_nothing_stops_the_work() {
    let (begun, thread) = run(QUICK, seats(1), endless).await;
    let mut body = long(begun);
    assert!(matches!(thread.join().unwrap(), Err(Error::Unavailable(_))));
    // What was on its way still comes, and then no end.
    for _ in 0..=CHUNKS {
        assert!(next(&mut body).await.unwrap().is_ok());
    }
    assert!(next(&mut body).await.unwrap().is_err());
}

#[actix_rt::test]
async fn only_so_many_wait_for_slow_clients() {
    let unhurried = Pace { piece: Duration::from_secs(60), ..QUICK };
    let seats = seats(1);
    let (first, first_thread) = run(unhurried, Arc::clone(&seats), endless).await;
    let first = long(first);
    while seats.available_permits() > 0 {
        thread::yield_now();
    }
    let (second, second_thread) = run(unhurried, Arc::clone(&seats), endless).await;
    let second = long(second);
    assert!(matches!(second_thread.join().unwrap(), Err(Error::Unavailable(_))));
    assert!(!first_thread.is_finished());
    drop((first, second));
    assert!(first_thread.join().unwrap().is_err());
    assert_eq!(seats.available_permits(), 1);
}

#[actix_rt::test]
async fn a_reply_has_an_end_however_often_the_client_takes_a_piece() {
    let pace = Pace { unseated: Duration::ZERO, piece: SHORT, all: 3 * SHORT };
    let (begun, thread) = run(pace, seats(1), endless).await;
    let mut body = long(begun);
    while next(&mut body).await.unwrap().is_ok() {
        thread::sleep(SHORT / 4);
    }
    assert!(matches!(thread.join().unwrap(), Err(Error::Unavailable(_))));
}

#[actix_rt::test]
async fn work_that_nobody_waits_for_stops() {
    let (answer, answered) = oneshot::channel();
    drop(answered);
    let mut writer = Writer::new(answer, seats(1), Box::new(|| Ok(())), QUICK);
    writer.begin(Head::List).unwrap();
    assert!(matches!(writer.text("x"), Err(Error::Unavailable(_))));
}

#[actix_rt::test]
async fn an_error_before_anything_is_sent_is_an_ordinary_reply() {
    let early = answer(|_| Err(Error::no_resource())).await;
    assert!(matches!(early, Err(Failure::Domain(Error::NotFound(_)))));
    let late = answer(|sink| {
        sink.begin(Head::List)?;
        sink.text("{\"Resources\":[")?;
        Err(Error::unavailable("the database is gone"))
    });
    assert!(matches!(late.await, Err(Failure::Domain(Error::Unavailable(_)))));
    let nothing = answer(|_| Ok(())).await;
    assert!(matches!(nothing, Err(Failure::Domain(Error::Internal(_)))));
    let panicked = answer(|_| panic!("on purpose")).await;
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
        let reply = answer(work).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert!(to_bytes(reply.into_body()).await.is_err());
    }
}

#[actix_rt::test]
async fn work_that_runs_again_begins_again_until_something_is_sent() {
    let reply = answer(|sink| {
        sink.begin(resource())?;
        sink.text("half of a")?;
        sink.begin(Head::List)?;
        sink.text("whole")
    });
    let reply = reply.await.unwrap();
    assert_eq!(reply.headers().get(ETAG), None);
    assert_eq!(to_bytes(reply.into_body()).await.unwrap(), "whole");

    let (begun, thread) = run(QUICK, seats(1), |sink| {
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
