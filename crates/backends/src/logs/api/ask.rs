//! One question to the store: parameters in, an answer out, off the threads that serve connections.

use std::sync::Arc;

use salvo::prelude::{Request, Response, handler};

use super::answer::{Answer, Asked};
use super::params::Params;
use crate::logs::store::LogStore;
use crate::wire::{Stop, Unanswered};

/// What answers a question.
pub(super) type Question = fn(&LogStore, &Params, &Stop) -> Asked;

/// A route that asks.
pub(super) struct Ask {
    store: Arc<LogStore>,
    question: Question,
    /// Whether the question reads lines, which may take long.
    reads_lines: bool,
}

impl Ask {
    pub(super) fn new(store: Arc<LogStore>, question: Question, reads_lines: bool) -> Self {
        Self {
            store,
            question,
            reads_lines,
        }
    }

    async fn answer(&self, req: &mut Request) -> Asked {
        let params = Params::read(req).await?;
        let places = match self.reads_lines {
            true => self.store.queries(),
            false => self.store.index_queries(),
        };
        let (store, question) = (Arc::clone(&self.store), self.question);
        let time = store.limits().query_timeout;
        let asked = places.run(time, move |stop| question(&store, &params, stop));
        asked.await.unwrap_or_else(|why| Err(why.into()))
    }
}

impl From<Unanswered> for Answer {
    fn from(why: Unanswered) -> Self {
        let status = match why {
            Unanswered::TooMany => 429,
            Unanswered::Queue => 504,
            Unanswered::Failed => 500,
        };
        Self::error(status, why.to_string())
    }
}

#[handler]
impl Ask {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let answer = self.answer(req).await.unwrap_or_else(|error| error);
        answer.write(res);
    }
}
