//! Price versions: kept once, known from then on.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use identity::PriceVersionId;
use pricing::PriceBook;
use rpc::convert;
use rpc::events::UsageRecord;

use crate::Error;
use crate::app::App;
use crate::record::{self, Books};
use crate::store::prices::{self, Pinned};

/// Price versions never change, so what was read once is known; forgotten only for want of room.
const KNOWN_LIMIT: usize = 100_000;

/// The books that this replica has seen in the database.
#[derive(Default)]
pub(crate) struct Shelf(RwLock<HashMap<PriceVersionId, Arc<PriceBook>>>);

/// The books that one batch of records needs.
#[derive(Default)]
pub(crate) struct Stack(HashMap<PriceVersionId, Arc<PriceBook>>);

impl Books for Stack {
    fn book(&self, id: PriceVersionId) -> Option<&PriceBook> {
        self.0.get(&id).map(Arc::as_ref)
    }
}

impl Shelf {
    fn get(&self, id: PriceVersionId) -> Option<Arc<PriceBook>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn add(&self, books: &HashMap<PriceVersionId, Arc<PriceBook>>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() > KNOWN_LIMIT {
            known.clear();
        }
        known.extend(books.iter().map(|(id, book)| (*id, Arc::clone(book))));
    }
}

impl App {
    /// Keeps an immutable copy of each price version.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another price is kept under the same id.
    pub(crate) async fn put_prices(&self, pinned: Vec<Pinned>) -> Result<(), Error> {
        let kept = self.keep(&pinned).await?;
        match pinned.iter().find(|price| kept.get(&price.id).is_none_or(|book| **book != price.book)) {
            Some(price) => Err(Error::Conflict(format!("another price is kept as version {}", price.id))),
            None => Ok(()),
        }
    }

    /// The books of every price that the records name. One that was never put is kept as the record has it.
    pub(crate) async fn books_for<'r>(
        &self,
        records: impl Iterator<Item = &'r UsageRecord>,
    ) -> Result<Stack, Error> {
        let mut stack = Stack::default();
        let mut missing: Vec<Pinned> = Vec::new();
        for record in records {
            // What is malformed is refused when its record is read.
            let Ok(Some(id)) = record::price_id(record.price.as_ref()) else { continue };
            if stack.0.contains_key(&id) || missing.iter().any(|price| price.id == id) {
                continue;
            }
            if let Some(book) = self.shelf.get(id) {
                stack.0.insert(id, book);
            } else if let Some(Ok(book)) = record.price.as_ref().map(convert::book_in) {
                missing.push(Pinned {
                    id,
                    endpoint: record.endpoint_id.parse().ok(),
                    provider: record.provider.replace('\0', ""),
                    model: record.model.replace('\0', ""),
                    book,
                });
            }
        }
        if !missing.is_empty() {
            stack.0.extend(self.keep(&missing).await?);
        }
        Ok(stack)
    }

    async fn keep(&self, pinned: &[Pinned]) -> Result<HashMap<PriceVersionId, Arc<PriceBook>>, Error> {
        let kept = prices::put(&self.pool, pinned).await?;
        let books = kept.into_iter().map(|(id, book)| (id, Arc::new(book))).collect();
        self.shelf.add(&books);
        Ok(books)
    }
}
