//! The Drain algorithm (<https://jiemingzhu.github.io/pub/pjhe_icws2017.pdf>) with the parameters and the
//! deviations of Loki: lines that have as many tokens, and are alike in enough of them, belong to one cluster.

use std::collections::HashMap;

use super::RESOLUTION;
use super::tokens::{Format, PLACEHOLDER, Tokens};

/// Levels of the tree, the one of the number of tokens included.
const DEPTH: usize = 28;

/// Share of tokens that two lines of a cluster have in common.
const SIMILAR: f64 = 0.3;

/// Different tokens at one place of the tree.
const MAX_CHILDREN: usize = 15;

/// Clusters at a time; a new one takes the place of that which was not seen for longest.
const MAX_CLUSTERS: usize = 300;

/// Tokens of a line that is looked at.
const TOKENS: std::ops::RangeInclusive<usize> = 4..=80;

/// If more clusters than this share of the lines are thrown away, the lines have no patterns.
const MAX_EVICTED: f64 = 0.25;

/// Nanoseconds for which nothing is looked at then.
const PAUSE: i64 = 600_000_000_000;

/// The clusters of one stream and level.
pub(super) struct Drain {
    format: Format,
    /// By number of tokens.
    roots: HashMap<usize, Node>,
    clusters: HashMap<usize, Cluster>,
    /// Clusters so far.
    count: usize,
    /// Grows with each look at a cluster.
    clock: u64,
    tokens: Tokens,
    lines: u64,
    evicted: u64,
    paused_until: i64,
}

#[derive(Default)]
struct Node {
    children: HashMap<Box<[u8]>, Node>,
    clusters: Vec<usize>,
}

struct Cluster {
    tokens: Vec<Box<[u8]>>,
    /// Token after which a space stands, once for each space.
    spaces: Vec<isize>,
    /// Nanoseconds since the Unix epoch, and lines.
    samples: Vec<(i64, u64)>,
    seen: u64,
}

impl Drain {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            roots: HashMap::new(),
            clusters: HashMap::new(),
            count: 0,
            clock: 0,
            tokens: Tokens::default(),
            lines: 0,
            evicted: 0,
            paused_until: i64::MIN,
        }
    }

    /// Adds a line to the cluster that it belongs to.
    pub(super) fn train(&mut self, line: &str, ts: i64) {
        if !self.goes_on(ts) {
            return;
        }
        let mut tokens = std::mem::take(&mut self.tokens);
        if self.format.cut(line, &mut tokens) && TOKENS.contains(&tokens.len()) {
            self.add(&tokens, ts);
        }
        self.tokens = tokens;
    }

    /// False if too many clusters were thrown away lately.
    fn goes_on(&mut self, ts: i64) -> bool {
        if self.paused_until > i64::MIN {
            if ts < self.paused_until {
                return false;
            }
            (self.lines, self.evicted, self.paused_until) = (0, 0, i64::MIN);
        }
        if self.lines > 0 && self.evicted as f64 / self.lines as f64 > MAX_EVICTED {
            self.paused_until = ts.saturating_add(PAUSE);
            return false;
        }
        self.lines += 1;
        true
    }

    fn add(&mut self, tokens: &Tokens, ts: i64) {
        let time = ts - ts.rem_euclid(RESOLUTION);
        if let Some(id) = self.search(tokens)
            && let Some(cluster) = self.clusters.get_mut(&id)
        {
            for (known, token) in cluster.tokens.iter_mut().zip(tokens.iter()) {
                if **known != *token && **known != *PLACEHOLDER {
                    *known = PLACEHOLDER.into();
                }
            }
            match cluster.samples.last_mut() {
                Some((last, count)) if *last == time => *count += 1,
                _ => cluster.samples.push((time, 1)),
            }
            return;
        }
        self.count += 1;
        self.clock += 1;
        let cluster = Cluster {
            tokens: tokens.iter().map(Box::from).collect(),
            spaces: tokens.spaces().to_vec(),
            samples: vec![(time, 1)],
            seen: self.clock,
        };
        self.clusters.insert(self.count, cluster);
        if self.clusters.len() > MAX_CLUSTERS {
            let oldest = self.clusters.iter().min_by_key(|(_, cluster)| cluster.seen);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.clusters.remove(&oldest);
                self.evicted += 1;
            }
        }
        self.plant(tokens, self.count);
    }

    /// The cluster that a line is most alike.
    fn search(&mut self, tokens: &Tokens) -> Option<usize> {
        let mut node = self.roots.get(&tokens.len())?;
        for (depth, token) in (1..).zip(tokens.iter()) {
            if depth >= DEPTH || depth == tokens.len() {
                break;
            }
            let child = node.children.get(token);
            node = child.or_else(|| node.children.get(PLACEHOLDER))?;
        }
        let mut best: Option<(usize, usize, usize)> = None;
        for id in &node.clusters {
            let Some(cluster) = self.clusters.get_mut(id) else {
                continue;
            };
            self.clock += 1;
            cluster.seen = self.clock;
            let (mut same, mut open) = (0, 0);
            for (known, token) in cluster.tokens.iter().zip(tokens.iter()) {
                match () {
                    () if **known == *PLACEHOLDER => open += 1,
                    () if **known == *token => same += 1,
                    () => {}
                }
            }
            if best.is_none_or(|(_, most, opened)| (same, open) > (most, opened)) {
                best = Some((*id, same, open));
            }
        }
        let (id, same, _) = best?;
        if (same as f64 / tokens.len() as f64) < SIMILAR {
            return None;
        }
        self.clock += 1;
        if let Some(cluster) = self.clusters.get_mut(&id) {
            cluster.seen = self.clock;
        }
        Some(id)
    }

    /// Puts a new cluster into the tree.
    fn plant(&mut self, tokens: &Tokens, id: usize) {
        let mut node = self.roots.entry(tokens.len()).or_default();
        for (depth, token) in (1..).zip(tokens.iter()) {
            if depth >= DEPTH || depth >= tokens.len() {
                break;
            }
            let open = node.children.contains_key(PLACEHOLDER);
            let children = node.children.len();
            let has_number = || String::from_utf8_lossy(token).chars().any(char::is_numeric);
            let key: &[u8] = if node.children.contains_key(token) {
                token
            } else if has_number() {
                PLACEHOLDER
            } else if open && children < MAX_CHILDREN || !open && children + 1 < MAX_CHILDREN {
                token
            } else {
                PLACEHOLDER
            };
            node = node.children.entry(Box::from(key)).or_default();
        }
        let clusters = &mut self.clusters;
        let clock = &mut self.clock;
        node.clusters.retain(|id| {
            let cluster = clusters.get_mut(id);
            cluster.is_some_and(|cluster| {
                *clock += 1;
                cluster.seen = *clock;
                true
            })
        });
        node.clusters.push(id);
    }

    /// All patterns with their lines over time.
    pub(super) fn patterns(self) -> impl Iterator<Item = (String, Vec<(i64, u64)>)> {
        let format = self.format;
        let clusters = self.clusters.into_values();
        clusters.map(move |cluster| {
            let tokens = cluster.tokens.iter().map(|token| &**token);
            (format.join(tokens, &cluster.spaces), cluster.samples)
        })
    }
}
