//! One question to the store: parameters in, an answer out, off the threads that serve connections.

use std::sync::Arc;

use salvo::prelude::{Request, Response, handler};

use super::answer::{Answer, Asked};
use super::params::Params;
use crate::embedded::logs::store::LogStore;

/// What answers a question.
pub(super) type Question = fn(&LogStore, &Params) -> Asked;

/// A route that asks.
pub(super) struct Ask {
    store: Arc<LogStore>,
    question: Question,
}

impl Ask {
    pub(super) fn new(store: Arc<LogStore>, question: Question) -> Self {
        Self { store, question }
    }

    async fn answer(&self, req: &mut Request) -> Asked {
        let params = Params::read(req).await?;
        run(&self.store, self.question, params).await
    }
}

/// Asks on a thread for blocking work; more questions than the limit wait for their turn.
async fn run(store: &Arc<LogStore>, question: Question, params: Params) -> Asked {
    let failed = |error: &dyn std::fmt::Display| Answer::error(500, error.to_string());
    let permit = store.query_slots().acquire_owned().await;
    let permit = permit.map_err(|error| failed(&error))?;
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question(&store, &params)
    })
    .await
    .map_err(|error| failed(&error))?
}

#[handler]
impl Ask {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let answer = self.answer(req).await.unwrap_or_else(|error| error);
        answer.write(res);
    }
}
