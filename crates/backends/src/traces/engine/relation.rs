//! Who is whose parent: the tree of a trace, and the operators that look at it.

use std::collections::HashMap;

use crate::traces::lang::ast::SpansetOp;
use crate::traces::store::Trace;

/// The spans of a trace as a tree, by position. Missing parents make several trees; a circle of
/// parents belongs to none.
pub(crate) struct Tree {
    parent: Vec<Option<usize>>,
    children: Vec<usize>,
}

/// A span's numbers in Tempo's nested-set model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NestedSet {
    pub(crate) left: i64,
    pub(crate) right: i64,
    pub(crate) parent: i64,
}

impl Tree {
    pub(super) fn new(trace: &Trace) -> Self {
        let spans = &trace.spans;
        let by_id: HashMap<u64, usize> = spans.iter().map(|s| s.id).zip(0..).collect();
        let parent: Vec<_> = spans
            .iter()
            .enumerate()
            .map(|(at, span)| match span.parent {
                0 => None,
                // A span that names itself has no parent.
                parent => by_id.get(&parent).copied().filter(|p| *p != at),
            })
            .collect();
        let mut children = vec![0; spans.len()];
        for at in parent.iter().flatten() {
            children[*at] += 1;
        }
        Self { parent, children }
    }

    /// Number of spans that name this one as their parent.
    pub(super) fn child_count(&self, at: usize) -> usize {
        self.children[at]
    }

    /// The numbers of all spans, counted from each root downwards; what hangs on a missing parent
    /// has zeros.
    pub(super) fn nested_sets(&self, trace: &Trace) -> Vec<NestedSet> {
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); self.parent.len()];
        for (at, parent) in self.parent.iter().enumerate() {
            if let Some(parent) = parent {
                below[*parent].push(at);
            }
        }
        let mut sets = vec![NestedSet::default(); self.parent.len()];
        let mut count = 0;
        let roots = (0..self.parent.len()).filter(|at| trace.spans[*at].parent == 0);
        for root in roots {
            let mut path = vec![(root, 0)];
            count += 1;
            (sets[root].left, sets[root].parent) = (count, -1);
            while let Some((at, nth)) = path.last_mut() {
                if let Some(child) = below[*at].get(*nth) {
                    *nth += 1;
                    count += 1;
                    (sets[*child].left, sets[*child].parent) = (count, sets[*at].left);
                    path.push((*child, 0));
                } else {
                    count += 1;
                    sets[*at].right = count;
                    path.pop();
                }
            }
        }
        sets
    }

    /// The spans that `left op right` selects: those of `right` that stand in the relation, and
    /// for the union operators also those of `left` that do.
    pub(super) fn relate(
        &self,
        trace: &Trace,
        op: SpansetOp,
        left: &[usize],
        right: &[usize],
    ) -> Vec<usize> {
        use SpansetOp::{
            Ancestor, Child, Descendant, NotAncestor, NotChild, NotDescendant, NotParent,
            NotSibling, Parent, Sibling, UnionAncestor, UnionChild, UnionDescendant, UnionParent,
            UnionSibling,
        };
        let pick = |from: &[usize], holds: &[bool], wanted: bool| {
            let picked = from.iter().copied();
            picked.filter(|at| holds[*at] == wanted).collect::<Vec<_>>()
        };
        let (holds, other): (Vec<bool>, Vec<bool>) = match op {
            Child | NotChild | UnionChild => (self.below(left, 1), self.above(right, 1)),
            Descendant | NotDescendant | UnionDescendant => {
                (self.below(left, usize::MAX), self.above(right, usize::MAX))
            }
            Parent | NotParent | UnionParent => (self.above(left, 1), self.below(right, 1)),
            Ancestor | NotAncestor | UnionAncestor => {
                (self.above(left, usize::MAX), self.below(right, usize::MAX))
            }
            Sibling | NotSibling | UnionSibling => (siblings(trace, left), siblings(trace, right)),
            SpansetOp::And | SpansetOp::Or => return Vec::new(),
        };
        match op {
            NotChild | NotDescendant | NotParent | NotAncestor | NotSibling => {
                pick(right, &holds, false)
            }
            UnionChild | UnionDescendant | UnionParent | UnionAncestor | UnionSibling => {
                let mut all = pick(left, &other, true);
                let more = pick(right, &holds, true);
                let mut seen = vec![false; self.parent.len()];
                all.iter().for_each(|at| seen[*at] = true);
                all.extend(more.into_iter().filter(|at| !seen[*at]));
                all
            }
            _ => pick(right, &holds, true),
        }
    }

    /// Which spans are at most `levels` below one of `tops`; only 1 and no limit are asked for.
    fn below(&self, tops: &[usize], levels: usize) -> Vec<bool> {
        let mut is_top = vec![false; self.parent.len()];
        tops.iter().for_each(|at| is_top[*at] = true);
        if levels == 1 {
            let parents = self.parent.iter();
            return parents.map(|p| p.is_some_and(|p| is_top[p])).collect();
        }
        // Memory of each span's result, so that every edge is walked once.
        let mut known: Vec<Option<bool>> = vec![None; self.parent.len()];
        let mut path = Vec::new();
        for start in 0..self.parent.len() {
            let mut at = start;
            let found = loop {
                if let Some(known) = known[at] {
                    break known;
                }
                // Until proved otherwise, which also ends a circle.
                known[at] = Some(false);
                path.push(at);
                match self.parent[at] {
                    None => break false,
                    Some(parent) if is_top[parent] => break true,
                    Some(parent) => at = parent,
                }
            };
            path.drain(..).for_each(|at| known[at] = Some(found));
        }
        known.into_iter().map(|k| k == Some(true)).collect()
    }

    /// Which spans are at most `levels` above one of `bottoms`.
    fn above(&self, bottoms: &[usize], levels: usize) -> Vec<bool> {
        let mut is_above = vec![false; self.parent.len()];
        for bottom in bottoms {
            let mut at = *bottom;
            for _ in 0..levels {
                match self.parent[at] {
                    Some(parent) if !is_above[parent] => {
                        is_above[parent] = true;
                        at = parent;
                    }
                    _ => break,
                }
            }
        }
        is_above
    }
}

/// Which spans have the same parent as another span out of `of`.
fn siblings(trace: &Trace, of: &[usize]) -> Vec<bool> {
    let mut by_parent: HashMap<u64, (usize, usize)> = HashMap::new();
    for at in of {
        let (count, last) = by_parent.entry(trace.spans[*at].parent).or_default();
        (*count, *last) = (*count + 1, *at);
    }
    let spans = trace.spans.iter().enumerate();
    spans
        .map(|(at, span)| match by_parent.get(&span.parent) {
            Some((count, last)) => span.parent != 0 && (*count > 1 || *last != at),
            None => false,
        })
        .collect()
}
