//! Who is whose parent: the tree of a trace, and the operators that look at it.

use std::collections::HashMap;

use super::eval::Subject;
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
}

/// The spans that `left op right` selects: those of `right` that stand in the relation, and for the
/// union operators also those of `left` that do. As in Tempo a span without a place, because its
/// root is missing, stands in no relation.
pub(super) fn relate(
    subject: &Subject<'_>,
    op: SpansetOp,
    left: &[usize],
    right: &[usize],
) -> Vec<usize> {
    use SpansetOp::{
        Ancestor, And, Child, Descendant, NotAncestor, NotChild, NotDescendant, NotParent,
        NotSibling, Or, Parent, Sibling, UnionAncestor, UnionChild, UnionDescendant, UnionParent,
        UnionSibling,
    };
    let pick = |from: &[usize], holds: &dyn Fn(usize) -> bool, wanted: bool| -> Vec<usize> {
        let picked = from.iter().copied();
        picked.filter(|at| holds(*at) == wanted).collect()
    };
    let left_places = Places::new(subject, left);
    let right_places = Places::new(subject, right);
    let of = |places: &Places, op: SpansetOp, at: usize| {
        let place = place(subject, at);
        match op {
            Child | NotChild | UnionChild => places.parent_of(place),
            Parent | NotParent | UnionParent => places.child_of(place),
            Descendant | NotDescendant => places.above(place),
            Ancestor | NotAncestor => places.below(place),
            _ => places.beside(at, place),
        }
    };
    match op {
        And | Or => Vec::new(),
        Child | Parent | Descendant | Ancestor | Sibling => {
            pick(right, &|at| of(&left_places, op, at), true)
        }
        NotChild | NotParent | NotDescendant | NotAncestor | NotSibling => {
            pick(right, &|at| of(&left_places, op, at), false)
        }
        UnionDescendant => union_descendants(subject, left, right),
        UnionAncestor => union_descendants(subject, right, left),
        UnionChild | UnionParent | UnionSibling => {
            let back = match op {
                UnionChild => UnionParent,
                UnionParent => UnionChild,
                other => other,
            };
            let mut all = pick(left, &|at| of(&right_places, back, at), true);
            let more = pick(right, &|at| of(&left_places, op, at), true);
            let mut seen = vec![false; subject.trace.spans.len()];
            all.iter().for_each(|at| seen[*at] = true);
            all.extend(more.into_iter().filter(|at| !seen[*at]));
            all
        }
    }
}

fn place(subject: &Subject<'_>, at: usize) -> NestedSet {
    subject
        .seen(at)
        .map_or_else(NestedSet::default, |seen| seen.place)
}

/// The places of a set of spans, in an order that answers quickly.
struct Places {
    /// By left bound, each with the greatest right bound so far.
    bounds: Vec<(i64, i64)>,
    /// How many spans have a parent, and the last of them.
    by_parent: HashMap<i64, (usize, usize)>,
}

impl Places {
    fn new(subject: &Subject<'_>, spans: &[usize]) -> Self {
        let mut bounds = Vec::with_capacity(spans.len());
        let mut by_parent: HashMap<i64, (usize, usize)> = HashMap::new();
        for at in spans {
            let place = place(subject, *at);
            if place.left != 0 {
                bounds.push((place.left, place.right));
            }
            if place.parent != 0 {
                let (count, last) = by_parent.entry(place.parent).or_default();
                (*count, *last) = (*count + 1, *at);
            }
        }
        bounds.sort_unstable();
        let mut most = 0;
        for (_, right) in &mut bounds {
            most = most.max(*right);
            *right = most;
        }
        Self { bounds, by_parent }
    }

    fn parent_of(&self, place: NestedSet) -> bool {
        let found = self
            .bounds
            .binary_search_by_key(&place.parent, |(left, _)| *left);
        place.parent > 0 && found.is_ok()
    }

    fn child_of(&self, place: NestedSet) -> bool {
        place.left != 0 && self.by_parent.contains_key(&place.left)
    }

    /// True if one of these is above. Bounds of two spans lie in each other or apart.
    fn above(&self, place: NestedSet) -> bool {
        let before = self.bounds.partition_point(|(left, _)| *left < place.left);
        let greatest = before.checked_sub(1).map(|last| self.bounds[last].1);
        place.left != 0 && greatest.is_some_and(|right| right > place.right)
    }

    fn below(&self, place: NestedSet) -> bool {
        let next = self.bounds.partition_point(|(left, _)| *left <= place.left);
        let next = self.bounds.get(next);
        place.left != 0 && next.is_some_and(|(left, _)| *left < place.right)
    }

    fn beside(&self, at: usize, place: NestedSet) -> bool {
        let spans = self.by_parent.get(&place.parent);
        spans.is_some_and(|(count, last)| *count > 1 || *last != at)
    }
}

/// `above &>> below`. Tempo walks both lists once, side by side, and so misses some pairs where a
/// branch ends; an answer with the same spans takes the same walk.
fn union_descendants(subject: &Subject<'_>, above: &[usize], below: &[usize]) -> Vec<usize> {
    let sorted = |spans: &[usize]| {
        let mut all: Vec<(NestedSet, usize)> =
            spans.iter().map(|at| (place(subject, *at), *at)).collect();
        all.sort_by_key(|(place, _)| place.left);
        all
    };
    let (above, below) = (sorted(above), sorted(below));
    let after = |one: NestedSet, other: NestedSet| other.left > one.right;
    let within = |outer: NestedSet, inner: NestedSet| {
        outer.left != 0 && inner.left > outer.left && inner.right < outer.right
    };
    let mut seen = vec![false; subject.trace.spans.len()];
    let mut found = Vec::new();
    let mut add = |at: usize| {
        if !std::mem::replace(&mut seen[at], true) {
            found.push(at);
        }
    };
    let (mut outer, mut inner) = (0, 0);
    while outer < above.len() && inner < below.len() {
        let (mut top, _) = above[outer];
        let (mut leaf, _) = below[inner];
        while let Some((place, at)) = below.get(inner) {
            leaf = *place;
            if within(top, leaf) {
                add(*at);
            }
            inner += 1;
            if below.get(inner).is_some_and(|(next, _)| after(leaf, *next)) {
                break;
            }
        }
        while let Some((place, at)) = above.get(outer) {
            top = *place;
            if after(leaf, top) {
                break;
            }
            if within(top, leaf) {
                add(*at);
                if below.get(inner).is_some_and(|(next, _)| within(top, *next)) {
                    break;
                }
            }
            outer += 1;
        }
    }
    found
}
