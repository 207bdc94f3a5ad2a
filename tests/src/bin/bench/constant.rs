//! The most that the framework gives on this machine: a handler that answers the same kilobyte to everything.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use actix_web::{App, HttpResponse, HttpServer, web};

use super::program::listening;

/// Serves it until stdin ends, with as many workers as the server has by default.
pub(super) fn serve() {
    let body = format!(r#"{{"value":"{}"}}"#, "x".repeat(1_024 - 12));
    let body = web::Bytes::from(body);
    let workers = std::thread::available_parallelism().map_or(2, Into::into);
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let body = body.clone();
            App::new().default_service(web::to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type("application/scim+json").body(body) }
            }))
        })
        .workers(workers)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        println!("listening on http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            // The command is sent when it is called; nobody waits for the connections.
            drop(handle.stop(false));
        });
        server.await.unwrap();
    });
}

/// That handler in a process of its own, until it is dropped.
pub(super) struct Constant {
    child: Child,
    pub(super) address: String,
}

impl Constant {
    pub(super) fn start() -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .arg("constant")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (child, address) = listening(child);
        Self { child, address }
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
