//! `rollcall serve`

use crate::cli::Outcome;
use crate::requests::retention;
use crate::settings::Settings;
use crate::{Application, demo, expiry, logging, out, purge, uses};

/// Serves until it is told to stop.
pub(crate) fn run(settings: &Settings, with_demo: bool) -> Outcome {
    logging::init(&settings.log);
    let outcome = serve(settings, with_demo);
    logging::flush();
    outcome
}

fn serve(settings: &Settings, with_demo: bool) -> Outcome {
    // Before the database is touched: a wrong setting must leave no trace.
    settings.server.public_url(settings.server.listen)?;
    let store = persistence::open(settings.database.options(settings.server.threads()))?;
    actix_web::rt::System::new().block_on(async {
        let application = Application::build(settings, store.clone())?;
        // After the address is bound: a token that is shown once must not go down with "address in use".
        demo::offer(&*store, &application, with_demo)?;
        // They end after the last request.
        let _tasks = [
            purge::start(store.clone())?,
            retention::start(store.clone(), settings.requests.keep())?,
            expiry::start(store.clone())?,
            uses::start(store.clone(), application.uses())?,
        ];
        out::line(format_args!("listening on http://{}", application.address()))?;
        application.run().await?;
        Ok(())
    })
}
