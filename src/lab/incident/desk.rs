//! What a person does with incidents: list, start, look, take a hint, answer, see the solution, stop. The command
//! line and the console do it through here, and agree through the state.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::catalogue::{self, Catalogue, Incident};
use super::control::{self, Control};
use super::derive;
use super::file::HINTS;
use super::file::faults::{self, ALL};
use super::judge;
use super::place::Place;
use super::refusal::Refusal;
use super::rows::Span;
use super::runner;
use super::state::{Answer, Run, State, now_ms};
use super::view::{Listed, View};

/// Most wrong answers that are kept and counted.
const MOST_ANSWERS: usize = 500;

/// Time for a runner to heal the lab.
const HEALED: Duration = Duration::from_secs(8);

/// Seeds that a number in JSON holds exactly, in every language.
pub(super) const LARGEST_SEED: u64 = (1 << 53) - 1;

/// Everything about incidents on this machine.
#[derive(Clone, Debug)]
pub struct Desk {
    catalogue: Catalogue,
    state: State,
}

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Name of the incident, or path of its file; without it the seed chooses.
    pub name: Option<String>,
    /// The seed; without it one is drawn.
    pub seed: Option<u64>,
    /// Send the traffic and break nothing.
    pub healthy: bool,
}

/// A run with its file.
pub(super) struct Current {
    pub(super) run: Run,
    pub(super) incident: Incident,
}

/// What became of answers, by key.
pub type Verdicts = BTreeMap<String, bool>;

impl Desk {
    /// Over a catalogue and a state.
    #[must_use]
    pub fn new(catalogue: Catalogue, state: State) -> Self {
        Self { catalogue, state }
    }

    /// All incidents that can be read, easy ones first, and what is wrong with the files of the others.
    ///
    /// # Errors
    /// When the folder of one's own cannot be read.
    pub fn list(&self) -> Result<(Vec<Listed>, Vec<String>), Refusal> {
        let (all, problems) = self.catalogue.readable()?;
        let problems = problems.iter().map(Refusal::to_string);
        Ok((all.iter().map(Listed::of).collect(), problems.collect()))
    }

    /// How the one incident stands, if there is one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn status(&self) -> Result<Option<View>, Refusal> {
        let current = self.current()?;
        Ok(current.as_ref().map(View::of))
    }

    /// Finds out before anything is asked of the lab that there is such an incident, and that none is to be solved still.
    ///
    /// # Errors
    /// When one of the two is not so.
    pub fn check(&self, order: &Order) -> Result<(), Refusal> {
        if let Some(name) = &order.name {
            self.catalogue.named(name)?;
        }
        self.is_free()
    }

    /// Starts an incident in a lab.
    ///
    /// # Errors
    /// When one is to be solved still, there is none of that name, or the lab cannot be broken.
    pub async fn start(&self, order: Order, place: Place) -> Result<View, Refusal> {
        let seed = order
            .seed
            .unwrap_or_else(|| rand::random::<u64>() & LARGEST_SEED);
        if seed > LARGEST_SEED {
            return Err(Refusal::usage(format!(
                "a seed is a whole number up to {LARGEST_SEED}"
            )));
        }
        let incident = match &order.name {
            Some(name) => self.catalogue.named(name)?,
            None => self.catalogue.random(seed)?,
        };
        self.is_free()?;
        has_instances(&incident, seed, &place)?;
        let control = Control::new();
        control::reach(&control, &place).await?;
        // One that is solved gives way, and one that its runner left without healing the lab is healed. One that
        // somebody else has started meanwhile does not.
        if self
            .state
            .read()?
            .is_some_and(|run| run.stopped_ms.is_none() && !run.is_open())
        {
            self.stop().await?;
        }
        control::healthy(&control, &place).await?;
        let mut run = Run::new(&incident.name, &incident.text, seed, place);
        run.healthy = order.healthy;
        let id = run.id.clone();
        self.state.update(|now| {
            refuse_open(now.as_ref())?;
            *now = Some(run);
            Ok(())
        })?;
        runner::spawn(&self.state, &id).await?;
        self.expect()
    }

    /// The next hint, and how the incident stands.
    ///
    /// # Errors
    /// When there is none to be solved, or no hint left.
    pub fn hint(&self) -> Result<(String, View), Refusal> {
        let (text, hint) = self.state.update(|run| {
            let run = open(run)?;
            if run.hints >= HINTS {
                return Err(Refusal::conflict(
                    "all hints are taken; `lab incident status` shows them again",
                )
                .on_page("all hints are taken"));
            }
            run.hints += 1;
            Ok((run.text.clone(), run.hints - 1))
        })?;
        let incident = catalogue::of_text("incident", &text, "the incident")?;
        let hint = incident.file.hints.get(hint).cloned().unwrap_or_default();
        Ok((hint, self.expect()?))
    }

    /// Judges answers, and says which are right and how the incident stands.
    ///
    /// # Errors
    /// When there is no incident to be solved, a key is no question, or an answer cannot be read. Then none is counted.
    pub fn answer(&self, answers: &BTreeMap<String, String>) -> Result<(Verdicts, View), Refusal> {
        if answers.is_empty() {
            let refusal = Refusal::usage("no answer; give KEY=VALUE");
            return Err(refusal.on_page("no answer: fill in at least one field"));
        }
        let current = self.current()?.ok_or_else(none)?;
        let file = &current.incident.file;
        let (run, values) = (&current.run, file.values(current.run.seed));
        let services = run.place.services();
        let mut verdicts = Verdicts::new();
        for (key, value) in answers {
            let question = file.question(key).ok_or_else(|| {
                let keys: Vec<&str> = file.questions.iter().map(|it| it.key.as_str()).collect();
                Refusal::usage(format!(
                    "{key:?} is no question; there are {}",
                    keys.join(", ")
                ))
            })?;
            if value.trim().is_empty() || value.len() > judge::LONGEST {
                let text = format!("{key} is to have 1 to {} bytes", judge::LONGEST);
                return Err(Refusal::usage(text));
            }
            let right = judge::is_right(question, &values, run.started_ms, &services, value)
                .map_err(|problem| Refusal::usage(format!("{key} {problem}")))?;
            verdicts.insert(key.clone(), right);
        }
        let id = run.id.clone();
        self.state.update(|now| {
            let now = open(now)?;
            if now.id != id {
                return Err(Refusal::conflict("another incident was started meanwhile"));
            }
            let at_ms = now_ms();
            for (key, right) in &verdicts {
                let value = answers[key].trim().to_owned();
                // The same answer twice is one.
                let is_known = |it: &Answer| it.key == *key && (it.value == value || it.right);
                if now.answers.len() < MOST_ANSWERS && !now.answers.iter().any(is_known) {
                    now.answers.push(Answer {
                        key: key.clone(),
                        value,
                        right: *right,
                        at_ms,
                    });
                }
            }
            let is_right = |key: &String| now.answers.iter().any(|it| it.right && it.key == *key);
            if file.questions.iter().all(|it| is_right(&it.key)) {
                now.solved_ms = Some(at_ms);
            }
            Ok(())
        })?;
        Ok((verdicts, self.expect()?))
    }

    /// The solution, with its queries as they are for this run and what they give now. Before the incident is solved
    /// it ends it, without points, and that has to be said.
    ///
    /// # Errors
    /// When there is no incident, or it is not solved and not to be given up.
    pub async fn solution(&self, give_up: bool) -> Result<View, Refusal> {
        let current = self.current()?.ok_or_else(none)?;
        if current.run.solved_ms.is_none() && current.run.given_up_ms.is_none() {
            if !give_up {
                return Err(Refusal::conflict(
                    "the incident is not solved; `lab incident hint` helps, and `lab incident solution --give-up` ends \
                     it without points",
                )
                .on_page("the incident is not solved; take a hint, or give it up, which ends it without points"));
            }
            self.state.update_run(&current.run.id, |run| {
                run.given_up_ms.get_or_insert(now_ms());
            })?;
        }
        let current = self.current()?.ok_or_else(none)?;
        let span = span(&current.run);
        let walk = derive::walk(&current.incident.file, &current.run.place, span).await;
        let walk = walk.map_err(Refusal::usage)?;
        Ok(View::of(&current).with_solution(&current, &walk))
    }

    /// Ends the incident and heals the lab.
    ///
    /// # Errors
    /// When there is none, or the state cannot be written.
    pub async fn stop(&self) -> Result<View, Refusal> {
        let run = self.state.update(|run| {
            let run = run.as_mut().ok_or_else(none)?;
            if run.is_active() {
                run.stopped_ms.get_or_insert(now_ms());
            }
            Ok(run.clone())
        })?;
        // Its last act is to heal the lab: what is started next must not be healed.
        let deadline = Instant::now() + HEALED;
        while self.has_runner(&run.id)? && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        // It may have been killed.
        let control = Control::new();
        for app in &run.place.apps {
            let _ = control.clear(app).await;
        }
        self.expect()
    }

    /// True while the runner of a run is at work.
    fn has_runner(&self, id: &str) -> Result<bool, Refusal> {
        let run = self.state.read()?.filter(|run| run.id == id);
        Ok(run.and_then(|run| run.runner).is_some_and(runner::is_alive))
    }

    /// The run that there is, with its file.
    pub(super) fn current(&self) -> Result<Option<Current>, Refusal> {
        let Some(run) = self.state.read()? else {
            return Ok(None);
        };
        // A state that another version of the lab has left may have what this one does not know.
        let incident = catalogue::of_text(&run.name, &run.text, "the incident that runs");
        let incident = incident.map_err(|refusal| self.state.broken(refusal))?;
        Ok(Some(Current { run, incident }))
    }

    fn expect(&self) -> Result<View, Refusal> {
        let current = self.current()?;
        current.as_ref().map(View::of).ok_or_else(none)
    }

    fn is_free(&self) -> Result<(), Refusal> {
        refuse_open(self.state.read()?.as_ref())
    }
}

/// The time in which a run is looked at: from its start until now, or its end. It is whole seconds long, as `$range` in
/// queries is: else the first sample after the start would be in the range at one look and out of it at the next.
pub(super) fn span(run: &Run) -> Span {
    let end = run.stopped_ms.unwrap_or_else(now_ms).min(run.until_ms);
    let lasted = end.min(now_ms()).saturating_sub(run.started_ms);
    Span {
        from: run.started_ms as f64 / 1000.0,
        to: (run.started_ms + lasted / 1000 * 1000) as f64 / 1000.0,
    }
}

fn none() -> Refusal {
    Refusal::conflict(
        "no incident runs; `lab incident list` names them, `lab incident start NAME` starts one",
    )
    .on_page("no incident runs; start one of the list")
}

fn refuse_open(run: Option<&Run>) -> Result<(), Refusal> {
    match run.filter(|run| run.is_open()) {
        Some(run) => Err(Refusal::conflict(format!(
            "{} runs already; solve it, or end it with `lab incident stop`",
            run.name
        ))
        .on_page(format!(
            "{} runs already; solve it or stop it first",
            run.name
        ))),
        None => Ok(()),
    }
}

/// The run, if it is to be solved.
fn open(run: &mut Option<Run>) -> Result<&mut Run, Refusal> {
    let run = run.as_mut().ok_or_else(none)?;
    if run.solved_ms.is_some() {
        return Err(Refusal::conflict("the incident is solved already"));
    }
    if run.given_up_ms.is_some() {
        return Err(Refusal::conflict("the incident was given up"));
    }
    if run.started_ms == 0 {
        return Err(Refusal::conflict("the incident has not begun yet"));
    }
    if !run.is_active() {
        return Err(none());
    }
    Ok(run)
}

/// Every instance that is to break is there.
fn has_instances(incident: &Incident, seed: u64, place: &Place) -> Result<(), Refusal> {
    let file = &incident.file;
    let values = file.values(seed);
    let mut wanted: Vec<String> = faults::with(file, &values).into_keys().collect();
    wanted.extend(file.traffic.with(&values).instances);
    // What calls others needs all three.
    let chain = file.traffic.with(&values).mix.routes();
    if chain.iter().any(|route| route.name == "chain") {
        wanted.extend(["app-a", "app-b", "app-c"].map(str::to_owned));
    }
    let has = |name: &String| name == ALL || place.apps.iter().any(|app| app.name == *name);
    match wanted.iter().find(|name| !has(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::conflict(format!(
            "{} needs {name}, which this lab does not have; start it with three instances: `lab up --faults`",
            incident.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_looked_at_in_whole_seconds_from_its_start() {
        let place = Place {
            apps: Vec::new(),
            prometheus: String::new(),
            loki: String::new(),
            tempo: String::new(),
            console: None,
            grafana: None,
        };
        let mut run = Run::new("slow-shop", "", 1, place);
        run.started_ms = now_ms() - 100_000;
        run.until_ms = u64::MAX;
        run.stopped_ms = Some(run.started_ms + 7_900);
        let span = span(&run);
        assert!((span.to - span.from - 7.0).abs() < 1e-6, "{span:?}");
    }
}
