//! Strongly connected components of a graph given as edge lists; iterative, so that a chain of any length fits.

use std::collections::{BTreeMap, VecDeque};

/// The components of the graph whose node `n` points to `edges[n]`: each node is in exactly one, and a component comes
/// after all components it points to. Tarjan's algorithm.
pub(crate) fn strongly_connected(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        edges,
        number: vec![None; edges.len()],
        lowest: vec![0; edges.len()],
        open: vec![false; edges.len()],
        stack: Vec::new(),
        next: 0,
        found: Vec::new(),
    };
    for root in 0..edges.len() {
        if search.number[root].is_none() {
            search.explore(root);
        }
    }
    search.found
}

/// The shortest way from `start` back to `start` inside its component, without the return; empty if there is none.
pub(crate) fn shortest_cycle(
    edges: &[Vec<usize>],
    component: &[usize],
    start: usize,
) -> Vec<usize> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in &edges[node] {
            if next == start {
                return walk_back(&came_from, start, node);
            }
            if component[next] == component[start] && !came_from.contains_key(&next) {
                came_from.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    Vec::new()
}

fn walk_back(came_from: &BTreeMap<usize, usize>, start: usize, last: usize) -> Vec<usize> {
    let mut path = vec![last];
    let mut node = last;
    while node != start {
        let Some(previous) = came_from.get(&node) else { break };
        node = *previous;
        path.push(node);
    }
    path.reverse();
    path
}

struct Search<'a> {
    edges: &'a [Vec<usize>],
    number: Vec<Option<usize>>,
    lowest: Vec<usize>,
    open: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn explore(&mut self, root: usize) {
        let mut calls = vec![(root, 0)];
        self.enter(root);
        while let Some((node, position)) = calls.pop() {
            match self.edges[node].get(position) {
                Some(&next) => {
                    calls.push((node, position + 1));
                    match self.number[next] {
                        None => {
                            self.enter(next);
                            calls.push((next, 0));
                        }
                        Some(number) if self.open[next] => {
                            self.lowest[node] = self.lowest[node].min(number);
                        }
                        Some(_) => {}
                    }
                }
                None => {
                    self.leave(node);
                    if let Some((parent, _)) = calls.last() {
                        self.lowest[*parent] = self.lowest[*parent].min(self.lowest[node]);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.number[node] = Some(self.next);
        self.lowest[node] = self.next;
        self.next += 1;
        self.open[node] = true;
        self.stack.push(node);
    }

    /// Closes the component whose first node `node` is, if it is one.
    fn leave(&mut self, node: usize) {
        if self.number[node] != Some(self.lowest[node]) {
            return;
        }
        let mut members = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.open[member] = false;
            members.push(member);
            if member == node {
                break;
            }
        }
        members.sort_unstable();
        self.found.push(members);
    }
}
