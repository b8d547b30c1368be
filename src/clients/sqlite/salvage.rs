//! Reads the rows of a damaged file, tree by tree, around the pages that cannot be read.
//!
//! In a file that can shrink (`auto_vacuum`, which all of ours have) SQLite also keeps for each
//! page which page is above it. So the pages below a damaged one are found, and a page that is free
//! and holds old rows is never taken for one in use.

use super::cells::{Kind, Node, Row};
use super::pages::{Pages, u32_at};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What can be read of one tree.
pub struct Tree<'p> {
    salvage: &'p Salvage,
    kind: Kind,
    todo: Vec<u32>,
    seen: HashSet<u32>,
    /// The pages that could not be read, or not wholly.
    pub damaged: BTreeSet<u32>,
}

/// A damaged file, with the knowledge of which page is above which.
pub struct Salvage {
    pages: Pages,
    below: HashMap<u32, Vec<u32>>,
}

impl Salvage {
    /// Reads which page is above which.
    pub fn of(pages: Pages) -> Self {
        let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
        let step = u32::try_from(pages.size() / 5 + 1).unwrap_or(u32::MAX);
        // SQLite keeps its locks there, and never a page.
        let locks = u32::try_from(0x4000_0000 / pages.size() + 1).unwrap_or(u32::MAX);
        let mut map = 2;
        while map <= pages.count() {
            let place = if map == locks { map + 1 } else { map };
            let entries = pages.page(place).unwrap_or_default();
            for (page, entry) in (place + 1..).zip(entries.chunks_exact(5)) {
                // 5: a page of a tree that is not its root.
                if entry[0] == 5 && page <= pages.count() {
                    below.entry(u32_at(entry, 1)).or_default().push(page);
                }
            }
            map = map.saturating_add(step);
        }
        Self { pages, below }
    }

    /// The pages.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The tree with this root.
    pub fn tree(&self, root: u32, kind: Kind) -> Tree<'_> {
        Tree {
            salvage: self,
            kind,
            todo: vec![root],
            seen: HashSet::new(),
            damaged: BTreeSet::new(),
        }
    }
}

impl Tree<'_> {
    /// The rows of the next page that has any, and whether the page is whole; `None` at the end.
    /// They come in no order.
    pub fn next_rows(&mut self) -> Option<(Vec<Row>, bool)> {
        while let Some(number) = self.todo.pop() {
            let pages = self.salvage.pages();
            if number == 0 || number > pages.count() || !self.seen.insert(number) {
                continue;
            }
            let node = Node::read(pages, number, self.kind);
            let Some(node) = node else {
                self.damaged.insert(number);
                self.todo.extend(self.salvage.below.get(&number).into_iter().flatten());
                continue;
            };
            self.todo.extend(node.children.iter().rev());
            let known = self.salvage.below.get(&number).map_or(&[][..], Vec::as_slice);
            self.note_children(number, &node.children, known);
            let whole = node.rows.iter().all(Option::is_some);
            if !whole {
                self.damaged.insert(number);
            }
            let rows: Vec<_> = node.rows.into_iter().flatten().collect();
            if !rows.is_empty() {
                return Some((rows, whole));
            }
        }
        None
    }

    /// A page whose own list of children is short, or names what is not there, is damaged.
    fn note_children(&mut self, number: u32, named: &[u32], known: &[u32]) {
        let missing = named.iter().any(|child| *child == 0 || *child > self.salvage.pages.count());
        let more: Vec<_> = known.iter().filter(|child| !named.contains(child)).collect();
        if missing || !more.is_empty() {
            self.damaged.insert(number);
        }
        self.todo.extend(more);
    }
}
