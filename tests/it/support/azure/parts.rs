//! What tests look at when items are parts of others.

use super::Azure;

impl Azure {
    /// Numbers of all items.
    pub fn numbers(&self) -> Vec<u64> {
        self.inner().board.items.keys().copied().collect()
    }

    /// Numbers of the items that an item is linked to in this way, in order.
    pub fn links(&self, id: u64, rel: &str) -> Vec<u64> {
        let inner = self.inner();
        let links = inner.board.items.get(&id).map(|item| item.relations.clone());
        let links = links.unwrap_or_default().into_iter().filter(|(known, _)| known == rel);
        let mut found: Vec<u64> =
            links.filter_map(|(_, url)| url.rsplit('/').next()?.parse().ok()).collect();
        found.sort_unstable();
        found
    }
}
